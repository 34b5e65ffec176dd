//! Requests, hosts and HTTP endpoints for tests. A development dependency only: no plugin links it.
//!
//! A double fails the test if the code under test does something that the test did not prepare, such as reading a body
//! that the test never gave.
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a double fails as its test does

mod endpoint;
mod host;
mod request;

pub use endpoint::{Endpoint, Received};
pub use host::TestHost;
pub use request::{Request, decide};
