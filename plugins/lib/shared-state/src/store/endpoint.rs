//! The address of a server.

use std::fmt;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Endpoint {
    /// Parses `host:port`. An IPv6 address is in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::parse_lenient(text).filter(|endpoint| !endpoint.host.is_empty())
    }

    /// Parses `host:port` as servers write it: an IPv6 address has no brackets, and without a host it is the same host.
    pub(super) fn parse_lenient(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok().filter(|port| *port != 0)?,
        })
    }

    /// Makes an endpoint of the two words of a sentinel.
    pub(super) fn of_bytes(host: &[u8], port: &[u8]) -> Option<Self> {
        let (host, port) = (std::str::from_utf8(host).ok()?, std::str::from_utf8(port).ok()?);
        Self::parse(&format!("{host}:{port}"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
