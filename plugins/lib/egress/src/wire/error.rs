//! The one error of everything that uses the network.

use std::fmt;
use std::io::ErrorKind;

use crate::platform::SocketError;
use crate::wire::protocol::Protocol;

/// Why a request got no usable answer. The text is for the log and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A socket operation failed.
    #[error("{step}: {source}")]
    Socket {
        /// What was being done.
        step: Step,
        /// Why it failed.
        source: SocketError,
    },
    /// The TLS handshake or the encrypted stream failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server answered the TLS handshake in another protocol.
    #[error(
        "TLS: the server does not speak TLS on this port; it answers in {0}: check port and scheme of the URL"
    )]
    NoTls(Protocol),
    /// The server closed the connection during the TLS handshake.
    #[error("TLS: the server closed the connection in the handshake; check that it speaks TLS on this port")]
    ClosedInHandshake,
    /// The server closed the connection before its answer was complete.
    #[error("HTTP: the connection closed before the answer was complete")]
    Closed,
    /// The server speaks another protocol than HTTP.
    #[error(
        "the server does not speak HTTP on this port; it answers in {0}: check port and scheme of the URL"
    )]
    NoHttp(Protocol),
    /// The answer is not valid HTTP/1.1.
    #[error("HTTP: {0}")]
    Protocol(String),
    /// A part of the answer other than the body is larger than this client accepts.
    #[error("the answer's {0} is too large")]
    Excess(&'static str),
    /// The body is larger than this client accepts. Holds the limit in bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is a redirect. Holds its status.
    #[error("the answer is a redirect (status {0}), which is not followed: configure the final URL")]
    Redirect(u16),
    /// The host name cannot have a certificate.
    #[error("the request cannot be built: the host is not a DNS name")]
    HostName,
    /// The request cannot be sent at all.
    #[error("the request cannot be built: {0}")]
    Request(String),
}

/// What was being done when a socket operation failed. A request passes through these steps in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Waiting for the right to use sockets.
    WaitForNetwork,
    /// Looking up the host name.
    LookUp,
    /// Connecting to the server. Includes a TLS handshake that is complete before the request is sent.
    Connect,
    /// Waiting for the first byte of the server's part of the TLS handshake.
    Handshake,
    /// Sending the request.
    Send,
    /// Receiving the answer.
    Receive,
}

/// How far a request got before it failed.
///
/// Some requests must not arrive twice, such as one with a refresh token that can be used only once: using it twice
/// makes the provider withdraw the user's grant. Such a request may be sent again only after [`Progress::NotSent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No part of the request has left this machine: it failed in a step that comes before sending.
    NotSent,
    /// Some of the request may have reached the server. This is also the value of every failure that does not prove the
    /// opposite.
    MaybeSent,
}

impl Step {
    /// How far a request got that failed in this step.
    const fn progress(self) -> Progress {
        match self {
            Self::WaitForNetwork | Self::LookUp | Self::Connect | Self::Handshake => Progress::NotSent,
            Self::Send | Self::Receive => Progress::MaybeSent,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitForNetwork => "waiting for the network",
            Self::LookUp => "name lookup",
            Self::Connect => "connecting",
            Self::Handshake => {
                "TLS handshake without any answer; check that the server speaks TLS on this port"
            }
            Self::Send => "sending",
            Self::Receive => "receiving",
        })
    }
}

impl WireError {
    /// Converts an I/O error of a connection. `step` is what was being done.
    pub fn of_io(step: Step, error: &std::io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(explained) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return explained.clone();
        }
        if let Some(source) = inner.and_then(|inner| inner.downcast_ref::<SocketError>()) {
            let source = *source;
            return Self::Socket { step, source };
        }
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Tls(error.to_string()),
        }
    }

    /// How far the request got.
    pub const fn progress(&self) -> Progress {
        match self {
            Self::Socket { step, .. } => step.progress(),
            // TLS reports failures of the handshake and of the stream in the same way, so these prove nothing.
            Self::Tls(_) | Self::NoTls(_) | Self::ClosedInHandshake => Progress::MaybeSent,
            // A server that closes the connection, or answers at all, may have read the request.
            Self::Closed
            | Self::NoHttp(_)
            | Self::Protocol(_)
            | Self::Excess(_)
            | Self::TooLarge(_)
            | Self::Redirect(_) => Progress::MaybeSent,
            // Another attempt would fail in the same way, so nothing depends on this value.
            Self::HostName | Self::Request(_) => Progress::MaybeSent,
        }
    }
}
