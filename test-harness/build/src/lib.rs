//! Provides the plugins as files, and the programs that a fresh machine lacks.
//!
//! In scope: building the plugins ([`guests`]), and getting Traefik, a C compiler for Wasm and the like ([`tools`]).
//! Out of scope: running any of them.

pub mod guests;
pub mod operator_tool;
pub mod tools;
