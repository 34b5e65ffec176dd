//! Room for a successor, taken before the secret is used.
//!
//! Using the secret cannot be undone. On a full file system the claim, a short entry, may still succeed where the
//! successor, a long one, does not fit. So the owner of a claim first makes as many long entries as the successor may need.
//! It removes them to write the successor, or when the use ends.

use egress::platform::{Directory, DirectoryError, MAX_CONTENT};

/// The room is for a successor of this length, or of twice the present length if that is more.
const LEAST: usize = 16 * 1024;
/// Entries for the value's head, for the head that replaces it, and for the record's other fields.
const SPARE: usize = 3;
/// More entries than there can be.
const MOST: usize = 1000;

/// The entries that keep room for one name.
pub(super) struct Room<'d> {
    directory: &'d dyn Directory,
    stem: String,
}

impl<'d> Room<'d> {
    pub(super) fn new(directory: &'d dyn Directory, name: &str) -> Self {
        Self {
            directory,
            stem: format!("{name}.room"),
        }
    }

    /// Makes room for what may follow a secret of `present` bytes. Entries that a killed owner left behind count.
    ///
    /// # Errors
    /// Why there is none. Then nothing is kept.
    pub(super) fn take(&self, present: usize) -> Result<(), DirectoryError> {
        let taken = self.fill(entries_for(present.saturating_mul(2).max(LEAST)));
        if taken.is_err() {
            self.give_all();
        }
        taken
    }

    /// Gives as much of the room as a secret of `length` bytes needs.
    pub(super) fn give(&self, length: usize) {
        self.remove_last(entries_for(length));
    }

    /// Gives all of it.
    pub(super) fn give_all(&self) {
        self.remove_last(MOST);
    }

    /// From the end, so that what is left has no gaps.
    fn remove_last(&self, count: usize) {
        let is_there = |index: &usize| matches!(self.directory.read(&self.entry(*index)), Ok(Some(_)));
        let all = (0..MOST).take_while(is_there).count();
        for index in (all.saturating_sub(count)..all).rev() {
            let _ = self.directory.remove(&self.entry(index));
        }
    }

    fn fill(&self, count: usize) -> Result<(), DirectoryError> {
        let content = "x".repeat(MAX_CONTENT);
        for index in 0..count.min(MOST) {
            match self.directory.create(&self.entry(index), &content) {
                Ok(()) | Err(DirectoryError::Exists) => {}
                Err(error) => return Err(error),
            }
        }
        // Some file systems find out only now. Others cannot do it at all, which says nothing about room.
        match self.directory.sync() {
            Err(DirectoryError::Full) => Err(DirectoryError::Full),
            _ => Ok(()),
        }
    }

    fn entry(&self, index: usize) -> String {
        format!("{}.{index}", self.stem)
    }
}

/// How many entries a secret of `length` bytes takes, sealed and in base64.
fn entries_for(length: usize) -> usize {
    length
        .div_ceil(3)
        .saturating_mul(4)
        .div_ceil(MAX_CONTENT)
        .saturating_add(SPARE)
}
