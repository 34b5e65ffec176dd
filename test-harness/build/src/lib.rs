//! The plugins as files, and the programs that a fresh machine lacks.
//!
//! In scope: building the plugins ([`guests`]) and getting Traefik, a C compiler for Wasm and the like ([`tools`]).
//! Out of scope: running anything of it.

pub mod guests;
pub mod operator_tool;
pub mod tools;
