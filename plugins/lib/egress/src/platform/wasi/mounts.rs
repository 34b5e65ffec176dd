//! The directories that Traefik mounts for the plugin.

use super::abi;

/// The descriptors before it are stdin, stdout and stderr.
const FIRST_MOUNT: i32 = 3;

/// A directory that Traefik mounts for the plugin.
pub(super) struct Mount {
    pub(super) fd: i32,
    pub(super) path: String,
    pub(super) writable: bool,
}

impl Mount {
    /// All mounts, in the order of `settings.mounts`.
    pub(super) fn all() -> Vec<Self> {
        const FD_WRITE: u64 = 1 << 6;
        (FIRST_MOUNT..)
            .map_while(|fd| Some((fd, abi::preopened(fd).ok()?)))
            .filter_map(|(fd, path)| {
                let (_, inheriting) = abi::rights(fd).ok()?;
                Some(Self {
                    fd,
                    path: path.trim_end_matches('/').to_owned(),
                    writable: inheriting & FD_WRITE != 0,
                })
            })
            .collect()
    }

    /// The descriptor after those of the mounts: the first one that a guest opens.
    pub(super) fn first_free_descriptor() -> i32 {
        let is_mount = |fd: &i32| abi::preopened(*fd).is_ok();
        (FIRST_MOUNT..).find(|fd| !is_mount(fd)).unwrap_or(FIRST_MOUNT)
    }

    /// The mount with the longest path that contains `path`.
    pub(super) fn covering(path: &str) -> Option<Self> {
        Self::all()
            .into_iter()
            .filter(|mount| {
                path.strip_prefix(&mount.path)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .max_by_key(|mount| mount.path.len())
    }

    /// `path` as seen from this mount.
    pub(super) fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.path)
            .unwrap_or(path)
            .trim_start_matches('/')
    }
}
