//! YAML in the two dialects that matter here: that of Traefik's file provider and that of kubectl.
//!
//! `syntax` parses the text, `resolve` gives scalars their types, and `decode` combines both into values for a
//! `dialect`. `tabs` finds tabs that Go's parser refuses and ours accepts.

pub(super) mod decode;
pub(super) mod dialect;
mod resolve;
pub(super) mod syntax;
mod tabs;

use serde_json::Value;

use super::document::Node;
use super::place::{Fault, Place};
use decode::decode;
use dialect::Dialect;

/// Reads the first document of a text like Traefik's file provider.
///
/// # Errors
/// Why the text is not YAML, and where.
pub(crate) fn first_document(text: &str) -> Result<Value, String> {
    let refused = |fault: Fault| {
        let Place { line, column } = fault.place;
        format!("line {line}, column {column}: {}", fault.what)
    };
    let (documents, fault) = syntax::read(text);
    match (documents.first(), fault) {
        (Some(first), _) => {
            let (raw, _) = decode(first, Dialect::Traefik).map_err(refused)?;
            Ok(Node::from(raw).to_json())
        }
        (None, Some(fault)) => Err(refused(fault)),
        (None, None) => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests;
