//! What is assumed about clocks.

use std::time::Duration;

/// How far apart the clocks of two machines that share state may be.
pub(crate) const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);
