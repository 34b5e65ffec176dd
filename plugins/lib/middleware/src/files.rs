//! Detects changes of the files that a configuration names.
//!
//! In scope: remembering the state of each file when it was read, and comparing it with the present state. Out of
//! scope: how the host examines a file.

/// Distinguishes one state of a file from another. Links are followed, so a file that is replaced by switching a link,
/// as in Kubernetes, also counts as changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Device and inode, if the host provides them.
    pub identity: (u64, u64),
    /// Size in bytes.
    pub size: u64,
    /// Times of the last changes of content and of attributes in nanoseconds, if the host provides them.
    pub changed: (u64, u64),
}

/// The files that were read, with their states just before.
#[derive(Debug, Default)]
pub struct FilesRead(Vec<(String, Option<FileStamp>)>);

impl FilesRead {
    /// No files yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes that the file `path` is about to be read. `stamp` is its state; `None` if it does not exist. If a file is
    /// read several times, the first state counts, since it may be in use.
    pub fn note(&mut self, path: &str, stamp: Option<FileStamp>) {
        if !self.0.iter().any(|(known, _)| known == path) {
            self.0.push((path.to_owned(), stamp));
        }
    }

    /// Whether no file was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the files has changed. `look` gives the present state of a file.
    pub fn have_changed(&self, look: impl Fn(&str) -> Option<FileStamp>) -> bool {
        self.0.iter().any(|(path, stamp)| look(path) != *stamp)
    }
}

/// How a plugin's host watches the files of its configuration. Plain functions, since they concern the whole instance.
#[derive(Debug, Clone, Copy)]
pub struct FileWatch {
    /// Begins to build a configuration, and forgets the files that were read before. The argument is true in a request
    /// that can do without the result, so that it does not wait long for a file.
    pub begin: fn(bool),
    /// Ends the build, successful or not.
    pub end: fn(),
    /// Whether the configuration names files.
    pub any: fn() -> bool,
    /// Whether one of the files has changed since it was read.
    pub have_changed: fn() -> bool,
}

impl FileWatch {
    /// For a plugin that reads no files.
    pub const NONE: Self = Self {
        begin: |_| {},
        end: || {},
        any: || false,
        have_changed: || false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stamp(inode: u64, size: u64, modified: u64) -> FileStamp {
        FileStamp {
            identity: (1, inode),
            size,
            changed: (modified, 0),
        }
    }

    #[test]
    fn every_difference_is_a_change() {
        let mut files = FilesRead::new();
        assert!(files.is_empty());
        let old = stamp(7, 3, 100);
        files.note("/run/secret", Some(old));
        assert!(!files.is_empty());
        assert!(!files.have_changed(|_| Some(old)));
        for now in [
            Some(stamp(8, 3, 100)),
            Some(stamp(7, 4, 100)),
            Some(stamp(7, 3, 99)),
            None,
        ] {
            assert!(files.have_changed(|_| now), "{now:?}");
        }
    }

    #[test]
    fn a_file_that_appears_is_a_change() {
        let mut files = FilesRead::new();
        files.note("/run/secret", None);
        assert!(!files.have_changed(|_| None));
        assert!(files.have_changed(|_| Some(stamp(1, 1, 1))));
    }

    #[test]
    fn one_of_several_is_enough_and_the_first_state_counts() {
        let mut files = FilesRead::new();
        files.note("/a", Some(stamp(1, 1, 1)));
        files.note("/b", Some(stamp(2, 1, 1)));
        files.note("/b", Some(stamp(3, 1, 1)));
        let look = |path: &str| match path {
            "/a" => Some(stamp(1, 1, 1)),
            _ => Some(stamp(3, 1, 1)),
        };
        assert!(files.have_changed(look));
    }
}
