//! A mock of one Oracle Integration Cloud (OIC) instance: it checks tokens as OIC does, runs a few integrations that
//! show what reached them, and records the tokens it saw.
//!
//! In scope: the runtime paths `/ic/api/integration/...` for REST triggers and what a gateway in front of them can
//! get wrong. Out of scope: design-time APIs, SOAP.
//!
//! Under any integration, the first path segment after the version chooses what runs: `slow?ms=`,
//! `sse?events=&interval_ms=`, `events?type=` (driven by [`OicHandle::announce`]), `upload`, `download?bytes=`,
//! `trailers`, `websocket`, `status?code=`, `fail-first-with-401`; anything else echoes the request.
//!
//! From the bottom up: `instance` is the state that all connections share; `authorization` decides who may call;
//! `integrations` run; `service` is the way of a request; `handle` and `builder` are what tests hold.

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
