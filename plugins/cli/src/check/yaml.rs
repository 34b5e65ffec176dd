//! YAML in the two dialects that matter here: that of Traefik's file provider and that of kubectl.
//!
//! `syntax` parses the text, `resolve` gives scalars their types, and `decode` combines both into values for a
//! `dialect`. `tabs` finds tabs that Go's parser refuses and ours accepts.

pub(super) mod decode;
pub(super) mod dialect;
mod resolve;
pub(super) mod syntax;
mod tabs;

#[cfg(test)]
mod tests;
