//! Resources that the Traefik process uses.

use std::thread;
use std::time::Duration;

use harness::process::Process;
use harness::traefik::{Traefik, TraefikError};

/// Resource use at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory.
    pub rss_kib: u64,
    /// Peak resident memory since the process started.
    pub peak_rss_kib: u64,
    /// Go's heap: live objects, and garbage that is not yet collected.
    pub heap_kib: u64,
    /// Machine code that was compiled from WebAssembly, including the code for its calls into the host.
    pub code_kib: u64,
    /// Open descriptors.
    pub fds: usize,
}

impl Usage {
    /// Reads the current usage.
    pub(super) fn now(traefik: &Traefik) -> Result<Self, TraefikError> {
        let statistics = traefik.api_text("/debug/pprof/heap?debug=1")?;
        Ok(Self {
            rss_kib: traefik.rss_kib()?,
            peak_rss_kib: traefik.peak_rss_kib()?,
            heap_kib: heap_alloc(&statistics).unwrap_or_default() / 1024,
            code_kib: generated_code(traefik)? / 1024,
            fds: traefik.open_fds()?,
        })
    }

    /// Reads the usage after garbage collection. One collection is not enough: a plugin's finalizer runs some time
    /// after it, and each plugin in a chain keeps the next one alive until then.
    pub(super) fn collected(traefik: &Traefik) -> Result<Self, TraefikError> {
        const AT_MOST: usize = 60;
        const WITHOUT_EFFECT: usize = 8;
        const LITTLE: u64 = 64 * 1024;
        const FINALIZERS_RUN: Duration = Duration::from_millis(100);
        let (mut least, mut without_effect) = (u64::MAX, 0);
        for _ in 0..AT_MOST {
            let statistics = traefik.api_text("/debug/pprof/heap?gc=1&debug=1")?;
            let alive = heap_alloc(&statistics).unwrap_or_default();
            without_effect = match alive.saturating_add(LITTLE) < least {
                true => 0,
                false => without_effect + 1,
            };
            least = least.min(alive);
            if without_effect == WITHOUT_EFFECT {
                break;
            }
            thread::sleep(FINALIZERS_RUN);
        }
        settled(traefik)?;
        Self::now(traefik)
    }
}

/// Waits until Go has returned unused memory to the system, which it does gradually in the background.
fn settled(traefik: &Traefik) -> Result<(), TraefikError> {
    const AT_MOST: u32 = 60;
    const LOOK_EVERY: Duration = Duration::from_millis(500);
    const LOOKS: usize = 4;
    const MUCH_KIB: u64 = 1024;
    let mut seen = Vec::new();
    for _ in 0..AT_MOST {
        seen.push(traefik.rss_kib()?);
        if let Some((last, earlier)) = seen.split_last()
            && earlier.len() >= LOOKS
            && earlier
                .iter()
                .rev()
                .take(LOOKS)
                .all(|rss| rss.abs_diff(*last) < MUCH_KIB)
        {
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Reads the heap size in bytes from the text form of Go's heap profile.
fn heap_alloc(statistics: &str) -> Option<u64> {
    let line = statistics
        .lines()
        .find_map(|line| line.strip_prefix("# HeapAlloc = "))?;
    line.trim().parse().ok()
}

/// Returns the bytes of executable memory that no file backs.
fn generated_code(traefik: &Traefik) -> Result<u64, TraefikError> {
    let maps = traefik.look(Process::maps)?;
    Ok(maps.lines().filter_map(code_size).sum())
}

/// Returns the size of a line in `/proc/PID/maps` if it describes generated code.
fn code_size(line: &str) -> Option<u64> {
    let mut fields = line.split_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let executable = fields.next()?.contains('x');
    let inode = fields.nth(2)?;
    let name = fields.next();
    let size = u64::from_str_radix(to, 16).ok()? - u64::from_str_radix(from, 16).ok()?;
    (executable && inode == "0" && name.is_none()).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_memory_without_a_name_is_generated_code() {
        for (line, expected) in [
            ("7f00a0000000-7f00a0003000 rwxp 00000000 00:00 0 ", Some(0x3000)),
            ("7f00a0000000-7f00a0003000 r-xp 00000000 00:00 0 ", Some(0x3000)),
            ("7f00a0000000-7f00a0003000 rw-p 00000000 00:00 0 ", None),
            (
                "00400000-00500000 r-xp 00000000 fe:00 1234 /usr/bin/traefik",
                None,
            ),
            ("7ffd0000-7ffd2000 r-xp 00000000 00:00 0 [vdso]", None),
        ] {
            assert_eq!(code_size(line), expected, "{line}");
        }
    }

    #[test]
    fn the_heap_is_read_from_the_profile() {
        assert_eq!(
            heap_alloc("x\n# Alloc = 1\n# HeapAlloc = 2048\n# HeapSys = 3\n"),
            Some(2048)
        );
        assert_eq!(heap_alloc("x\n"), None);
    }
}
