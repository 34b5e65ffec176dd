//! Converts a configuration file to Traefik's own structures: setting names ignore case, a list may be a single text,
//! and plugin options lose their types. It follows paerser, the library that Traefik reads files with. The end-to-end
//! test `check` compares the result with what a running Traefik reports.

mod element;
mod fill;
mod options;
mod shape;

use super::document::Node;
use super::place::Fault;
use super::raw::{Raw, RawValue};

use shape::{DYNAMIC, STATIC};

/// Returns what Traefik reads from a file of the file provider. All names have Traefik's own spelling.
///
/// # Errors
/// Traefik refuses the whole file.
pub(super) fn dynamic(raw: &Raw) -> Result<Node, Fault> {
    let element = element::document(raw)?;
    fill::fill(DYNAMIC, element)
}

/// Returns the parts of Traefik's static configuration that matter here.
///
/// # Errors
/// Traefik does not start.
pub(super) fn static_configuration(raw: &Raw) -> Result<Node, Fault> {
    let element = element::document(raw)?;
    fill::fill(STATIC, element)
}

/// Returns whether a document has sections of dynamic configuration, and of static configuration.
pub(super) fn sections(raw: &Raw) -> (bool, bool) {
    let RawValue::Block(members) = &raw.value else {
        return (false, false);
    };
    let has = |names: &[&str]| {
        members
            .iter()
            .any(|member| names.iter().any(|name| member.name.eq_ignore_ascii_case(name)))
    };
    (
        has(&["http", "tcp", "udp", "tls"]),
        has(&[
            "entryPoints",
            "experimental",
            "providers",
            "api",
            "log",
            "accessLog",
            "metrics",
            "tracing",
            "ping",
            "global",
            "serversTransport",
            "tcpServersTransport",
            "certificatesResolvers",
            "hostResolver",
            "core",
            "spiffe",
            "ocsp",
        ]),
    )
}

#[cfg(test)]
mod tests;
