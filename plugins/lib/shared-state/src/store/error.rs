//! Why the store could not be used.

use egress::platform::SocketError;
use egress::wire::{Protocol, Step, WireError};
use middleware::ConfigError;

use super::endpoint::Endpoint;

/// Why the store could not be used. The text is for the log and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No server was reached, or it broke off or did not answer in time.
    #[error("{0}")]
    Connection(WireError),
    /// The server answered the TLS handshake in another protocol.
    #[error("TLS: the server does not speak TLS on this port; it answers in {0}")]
    NoTls(Protocol),
    /// The server closed the connection before its answer was complete.
    #[error("the connection closed before the answer was complete")]
    Closed,
    /// The host name cannot have a certificate.
    #[error("the host is not a DNS name")]
    HostName,
    /// The answer is not in Redis's protocol, or it is too long.
    #[error("the answer is not in the protocol of Redis, or too long")]
    Garbage,
    /// The server speaks another protocol.
    #[error("the server is not Redis; it answers in {0}")]
    NoRedis(Protocol),
    /// The server closed the connection at the first command.
    #[error("the server closed the connection without an answer")]
    NoAnswer,
    /// The server does not permit this user a command that is needed.
    #[error("the server does not permit {command}: {error}")]
    NoRight {
        /// The command.
        command: &'static str,
        /// What the server said.
        error: String,
    },
    /// The server answered with an error.
    #[error("the server refused {command}: {error}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the server said. Of its answer to `AUTH`, only the first word.
        error: String,
    },
    /// The server redirects to another server of its cluster.
    #[error("the server sends us on to {to}; for a cluster set store.redis.cluster")]
    Elsewhere {
        /// The other server.
        to: Endpoint,
        /// True if the other server must be told about the redirection (`ASKING`).
        asking: bool,
    },
    /// The sentinels do not know a set of servers of this name.
    #[error("the sentinel knows no masterSet of this name")]
    NoMaster,
    /// A certificate or key in the options can no longer be read.
    #[error("{0}")]
    Options(ConfigError),
    /// The store failed a moment ago, and is not asked for another moment.
    #[error("the store failed a moment ago")]
    Resting,
    /// Another instance of this router uses the network. This is not a fault of the store.
    #[error("{0}")]
    Busy(SocketError),
    /// The cryptographic library failed to seal a value.
    #[error("a value cannot be sealed")]
    Seal,
}

impl From<WireError> for StoreError {
    /// The texts of some errors of the wire are about HTTP, so the store has its own.
    fn from(error: WireError) -> Self {
        match error {
            WireError::NoTls(protocol) => Self::NoTls(protocol),
            WireError::Closed => Self::Closed,
            WireError::HostName => Self::HostName,
            error => Self::Connection(error),
        }
    }
}

impl StoreError {
    /// What an operator can do about it, if that is known.
    pub(super) fn cure(&self) -> Option<&'static str> {
        match self {
            Self::NoRight { .. } => Some(
                "let the store's user run get, mget, set, del and eval on keys that begin with store.keyPrefix: ACL SETUSER \
                 <user> ~<keyPrefix>* +get +mget +set +del +eval",
            ),
            Self::NoTls(_)
            | Self::Connection(
                WireError::ClosedInHandshake
                | WireError::Socket {
                    step: Step::Handshake,
                    ..
                },
            ) => Some(
                "leave out store.redis.tls where the server speaks without TLS, or give the port on which it speaks TLS",
            ),
            Self::NoRedis(Protocol::Tls) => Some("add store.redis.tls: the server speaks TLS on this port"),
            Self::NoRedis(_) => Some("give Redis's own host and port in store.redis.endpoints"),
            Self::NoAnswer => {
                Some("add store.redis.tls if the server speaks TLS on this port; otherwise check the port")
            }
            _ => None,
        }
    }
}
