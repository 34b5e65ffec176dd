//! YAML in the two dialects that count here: that of Traefik's file provider and that of kubectl.
//!
//! `syntax` reads the text, `resolve` gives scalars their types, and `decode` makes values of both for a
//! `dialect`. `tabs` finds what Go's reader refuses and ours takes.

pub(super) mod decode;
pub(super) mod dialect;
mod resolve;
pub(super) mod syntax;
mod tabs;

#[cfg(test)]
mod tests;
