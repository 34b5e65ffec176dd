//! Notices that files which a configuration names have changed.
//!
//! In scope: remembering what each file was when it was read, and comparing that with what it is now. Out of scope: how
//! the host looks at a file.

/// What tells one state of a file from another. A link is followed, so a file that is replaced by switching a link, as
/// Kubernetes does, changes too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Device and inode, where the host tells them.
    pub identity: (u64, u64),
    /// Size in bytes.
    pub size: u64,
    /// Times of the last changes of content and of attributes, in nanoseconds, where the host tells them.
    pub changed: (u64, u64),
}

/// The files that were read, with what they were just before.
#[derive(Debug, Default)]
pub struct FilesRead(Vec<(String, Option<FileStamp>)>);

impl FilesRead {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The file `path` is about to be read, and is `stamp`; `None` if it is not there. Of a file that is read several times
    /// the first state counts, since something was made of it.
    pub fn note(&mut self, path: &str, stamp: Option<FileStamp>) {
        if !self.0.iter().any(|(known, _)| known == path) {
            self.0.push((path.to_owned(), stamp));
        }
    }

    /// Whether no file was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the files is no longer what it was. `look` says what a file is now.
    pub fn have_changed(&self, look: impl Fn(&str) -> Option<FileStamp>) -> bool {
        self.0.iter().any(|(path, stamp)| look(path) != *stamp)
    }
}

/// How a plugin's host watches the files of its configuration. Functions, since they are about the whole instance.
#[derive(Debug, Clone, Copy)]
pub struct FileWatch {
    /// A configuration is about to be built: forgets what was read before. True in a request that can do without, so that
    /// no file is waited for long.
    pub begin: fn(bool),
    /// The configuration has been built, or cannot be.
    pub end: fn(),
    /// Whether the configuration names files.
    pub any: fn() -> bool,
    /// Whether one of them has changed since it was read.
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
