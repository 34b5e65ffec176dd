//! The machine on which the figures were measured.

use std::fs;
use std::thread;

/// The machine, as far as /proc describes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    processor: String,
    threads: usize,
    memory_gib: f64,
    kernel: String,
}

impl Machine {
    pub(super) fn look() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let (processors, memory) = (text("/proc/cpuinfo"), text("/proc/meminfo"));
        Self {
            processor: value(&processors, "model name")
                .unwrap_or("an unnamed processor")
                .to_owned(),
            threads: thread::available_parallelism().map_or(1, usize::from),
            memory_gib: value(&memory, "MemTotal")
                .and_then(|kib| kib.split_whitespace().next()?.parse::<f64>().ok())
                .map_or(0.0, |kib| kib / 1024.0 / 1024.0),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}, {} hardware threads, {:.0} GiB, Linux {}",
            self.processor, self.threads, self.memory_gib, self.kernel
        )
    }
}

/// Returns the value of the first line `name : value`.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let text = "processor\t: 0\nmodel name\t: A CPU: fast\nMemTotal:   1048576 kB\n";
        assert_eq!(value(text, "model name"), Some("A CPU: fast"));
        assert_eq!(value(text, "MemTotal"), Some("1048576 kB"));
        assert_eq!(value(text, "name"), None);
    }
}
