//! Extensions of requests and answers.

use std::time::Duration;

use middleware::UnixTime;

/// Marks a request that must not arrive twice and whose answer must not be missed: the request uses something up, and
/// the answer holds its replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOnce {
    /// The request must not be sent at this time or later.
    pub not_after: UnixTime,
    /// How long to wait for the answer after sending, even beyond the deadline.
    pub answer_within: Duration,
}

/// Marks an answer to a request that was sent more than once.
#[derive(Debug, Clone, Copy)]
pub struct Repeated;
