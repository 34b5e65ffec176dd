//! A mock of one Oracle Integration Cloud (OIC) instance. It checks tokens as OIC does, runs a few integrations that
//! show what reached them, and records the tokens that it saw.
//!
//! In scope: the runtime paths `/ic/api/integration/...` of REST triggers, and the mistakes that a gateway in front of
//! them can make.
//! Out of scope: design-time APIs, SOAP.
//!
//! In every integration, the first path segment after the version selects the behaviour: `slow?ms=`,
//! `sse?events=&interval_ms=`, `events?type=` (driven by [`OicHandle::announce`]), `upload`, `download?bytes=`,
//! `trailers`, `websocket`, `status?code=`, `fail-first-with-401`. Any other segment echoes the request.
//!
//! From the bottom up: `instance` is the state that all connections share. `authorization` decides who may call.
//! `integrations` contains the integrations. `service` handles a request from start to end. `handle` and `builder` are
//! the interface for tests.

mod authorization;
mod builder;
mod callers;
mod handle;
mod in_flight;
mod instance;
mod integrations;
mod path;
mod records;
mod service;
mod streams;
mod switches;
#[cfg(test)]
mod tests;
mod tokens;
mod trailers;
mod websocket;

pub use self::builder::OicBuilder;
pub use self::handle::{Oic, OicHandle};
pub use self::records::{RecordedRequest, SeenToken, Verdict, token_hash};
pub use self::streams::numbered;
pub use self::switches::{Challenge, Switches};
