//! Room for a successor, which is reserved before the secret is used.
//!
//! A use cannot be undone. On a full file system the claim, a short entry, may succeed although the successor, a long
//! one, does not fit. So the owner of a claim first creates as many long entries as the successor may need. It removes
//! them to write the successor, or when the use ends.

use egress::platform::{Directory, DirectoryError, MAX_CONTENT};

/// The least room to reserve, in bytes. For a long secret it is twice the secret's length.
const LEAST: usize = 16 * 1024;
/// Additional entries: for the value's head, for the head that replaces it, and for the other fields of a
/// [`StoredSecret`].
///
/// [`StoredSecret`]: super::stored_secret::StoredSecret
const SPARE: usize = 3;
/// An upper bound on the number of entries.
const MOST: usize = 1000;

/// The entries that reserve room for one name.
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

    /// Reserves room for the successor of a secret of `present` bytes. Entries that a killed owner left behind count.
    ///
    /// # Errors
    /// Why there is no room. Nothing stays reserved then.
    pub(super) fn take(&self, present: usize) -> Result<(), DirectoryError> {
        let taken = self.fill(entries_for(present.saturating_mul(2).max(LEAST)));
        if taken.is_err() {
            self.give_all();
        }
        taken
    }

    /// Frees as much of the room as a secret of `length` bytes needs.
    pub(super) fn give(&self, length: usize) {
        self.remove_last(entries_for(length));
    }

    /// Frees all of the room.
    pub(super) fn give_all(&self) {
        self.remove_last(MOST);
    }

    /// Removes entries from the end, so that the remaining ones have no gaps.
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
        // Some file systems notice only now that they are full. Others cannot synchronise at all, which says nothing
        // about room.
        match self.directory.sync() {
            Err(DirectoryError::Full) => Err(DirectoryError::Full),
            _ => Ok(()),
        }
    }

    fn entry(&self, index: usize) -> String {
        format!("{}.{index}", self.stem)
    }
}

/// How many entries a secret of `length` bytes needs, sealed and in base64.
fn entries_for(length: usize) -> usize {
    length
        .div_ceil(3)
        .saturating_mul(4)
        .div_ceil(MAX_CONTENT)
        .saturating_add(SPARE)
}
