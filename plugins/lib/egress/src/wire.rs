//! What can go wrong on the wire, and how far a request got.
//!
//! * `error`: the one error of everything that uses the network.
//! * `protocol`: recognises a server that speaks an unexpected protocol.

mod error;
mod protocol;

pub use error::{Progress, Step, WireError};
pub(crate) use protocol::FIRST;
pub use protocol::Protocol;
