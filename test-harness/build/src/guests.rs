//! The plugins as Traefik loads them: built, lowered, checked, and laid out in the folders where Traefik looks.
//!
//! [`Guest::ALL`] lists the plugins. Tests and the demo call [`artifacts_of`] with the plugins that they register, and
//! only those are compiled. `cargo run -p harness-build -- build --out DIR` calls [`build`].
//!
//! The steps: [`compile`] runs cargo, [`lower`] replaces the instructions that Traefik's runtime gets wrong, and
//! [`check`] refuses a module that Traefik would run wrongly.

mod artifacts;
mod cargo;
mod check;
mod error;
mod layout;
mod lower;
mod memory;
mod merge;
mod plugins;
mod probe;
mod variant;

pub use self::artifacts::{
    Artifacts, Report, artifacts, artifacts_of, build, lower_and_check, trapping_artifacts,
};
pub use self::cargo::{Program, STACK_SIZE, TARGET_FEATURES, clippy, compile, show_progress};
pub(crate) use self::cargo::{encoded, forget_outer_cargo, path_remaps};
pub use self::check::{CheckError, check};
pub use self::error::GuestError;
pub use self::layout::{plugin_dir, sha256};
pub use self::lower::{LowerError, Lowered, Replaced, lower};
pub use self::plugins::Guest;
pub use self::probe::{build_probe, lay_out_probe, probe_module};
pub use self::variant::Variant;
