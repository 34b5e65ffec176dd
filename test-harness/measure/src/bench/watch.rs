//! Progress and interruption.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::BenchError;

/// Reports progress on stderr and ends the run if the user interrupts it.
pub(super) struct Watch<'i>(pub(super) &'i AtomicBool);

impl Watch<'_> {
    pub(super) fn at(&self, place: &str) -> Result<(), BenchError> {
        self.stop_if_interrupted()?;
        eprintln!("bench: {place}");
        Ok(())
    }

    pub(super) fn stop_if_interrupted(&self) -> Result<(), BenchError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(BenchError::Interrupted),
            false => Ok(()),
        }
    }
}
