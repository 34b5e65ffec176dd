//! What one build of the plugins costs apart from the rows.

use std::fs;
use std::path::Path;

use super::in_flight::InFlight;
use super::start::InstanceStart;
use harness_build::guests::{Guest, plugin_dir};

/// Figures of one build. What was not measured is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    /// Bytes of each module.
    pub(super) sizes: Vec<(&'static str, u64)>,
    pub(super) in_flight: InFlight,
    pub(super) instance_start: InstanceStart,
    /// Seconds of processor time that a reload takes.
    pub(super) reload: Option<f64>,
}

impl Costs {
    /// Reads the sizes of the modules in `plugins`.
    pub(super) fn of(plugins: &Path) -> Self {
        let size = |guest: Guest| {
            let module = plugin_dir(plugins, guest.folder).join("plugin.wasm");
            Some((guest.name, fs::metadata(module).ok()?.len()))
        };
        Self {
            sizes: Guest::MAIN.into_iter().filter_map(size).collect(),
            ..Self::default()
        }
    }

    /// Bytes of the module of this plugin.
    pub(super) fn size(&self, guest: Guest) -> Option<f64> {
        let (_, bytes) = self.sizes.iter().find(|(name, _)| *name == guest.name)?;
        Some(*bytes as f64)
    }
}
