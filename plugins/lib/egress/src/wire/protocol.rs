//! Recognises what a server speaks by its first bytes. An unexpected protocol usually means a wrong port or scheme.

use std::fmt;

/// A protocol that a server speaks where another one was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TLS.
    Tls,
    /// HTTP/1.
    Http,
    /// The protocol of Redis (RESP).
    Redis,
}

/// The number of bytes that [`Protocol::of`] looks at.
pub(crate) const FIRST: usize = 5;

impl Protocol {
    /// The protocol that begins with the bytes `first`, or `None` if it is another one.
    pub fn of(first: &[u8]) -> Option<Self> {
        match first {
            // An alert or a handshake message, of any version.
            [0x15 | 0x16, 3, ..] => Some(Self::Tls),
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Self::Http),
            // An error, such as `-ERR unknown command`.
            [b'-', b'A'..=b'Z', b'A'..=b'Z', ..] => Some(Self::Redis),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Redis => "the protocol of Redis",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        for (first, expected) in [
            (&b"HTTP/1.1 400 Bad Request"[..], Some(Protocol::Http)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Some(Protocol::Tls)),
            (b"\x16\x03\x03", Some(Protocol::Tls)),
            (b"-ERR unknown command", Some(Protocol::Redis)),
            (b"-NOAUTH", Some(Protocol::Redis)),
            (b"+OK\r\n", None),
            (b"-1", None),
            (b"HTT", None),
            (b"SSH-2.0-OpenSSH", None),
            (b"", None),
        ] {
            assert_eq!(Protocol::of(first), expected, "{first:?}");
        }
    }
}
