//! How long the store may take.

use std::time::Duration;

/// How long the store may take to answer, including the time to connect. It is not shorter than the second that a wait
/// takes in Traefik, see [`SLICE`](egress::platform::SLICE).
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(1);
