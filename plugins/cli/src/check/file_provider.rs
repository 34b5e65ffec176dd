//! How Traefik turns a configuration file into its own structures: names of settings without regard to case, lists that
//! are one text, options of plugins that lose their types. It follows paerser, the library that Traefik reads files with;
//! the end-to-end test `check` compares the outcome with what a running Traefik says it has loaded.

mod element;
mod fill;
mod options;
mod shape;

use super::document::Node;
use super::place::Fault;
use super::raw::{Raw, RawValue};

use shape::{DYNAMIC, STATIC};

/// What Traefik reads from a file of the file provider: all names as Traefik writes them.
///
/// # Errors
/// Traefik refuses the whole file.
pub(super) fn dynamic(raw: &Raw) -> Result<Node, Fault> {
    let element = element::document(raw)?;
    fill::fill(DYNAMIC, element)
}

/// What Traefik reads from its static configuration, of what matters here.
///
/// # Errors
/// Traefik does not start.
pub(super) fn static_configuration(raw: &Raw) -> Result<Node, Fault> {
    let element = element::document(raw)?;
    fill::fill(STATIC, element)
}

/// The sections of a document that belong to dynamic configuration and to static configuration.
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
