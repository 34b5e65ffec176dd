//! Requests whose answers are checked: the demo fails if it sees anything else than it should.

use harness::client::{ClientError, Request, Response};

/// Why the demo failed. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A server of the demo did not answer.
    #[error(
        "{what} did not answer: {source}\nThe warnings of Traefik's log are printed above; `cargo demo --serve` keeps the gateway for a closer look."
    )]
    NoAnswer {
        /// The server that was asked.
        what: &'static str,
        /// The client's error.
        source: ClientError,
    },

    /// The gateway did something else than it promises.
    #[error(
        "{what}: expected {expected}, but saw {seen}\nThe gateway does not do what it should here. `cargo test` \
         shows whether it is the plugins or this machine; `cargo demo --serve` keeps the gateway for a closer look."
    )]
    Unexpected {
        /// What was compared.
        what: &'static str,
        /// What the demo expected.
        expected: String,
        /// What it saw.
        seen: String,
    },
}

/// Sends a request of the demo.
pub(super) fn answer(what: &'static str, request: Request) -> Result<Response, DemoError> {
    request
        .send()
        .map_err(|source| DemoError::NoAnswer { what, source })
}

/// Fails unless `seen` is `expected`.
pub(super) fn expect<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    seen: &T,
    expected: &T,
) -> Result<(), DemoError> {
    if seen == expected {
        return Ok(());
    }
    Err(DemoError::Unexpected {
        what,
        expected: format!("{expected:?}"),
        seen: format!("{seen:?}"),
    })
}
