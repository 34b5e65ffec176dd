//! Runs the real Traefik as a child process. Each instance has its own folder and its own ports.
//!
//! ```text
//! <folder>/traefik.yml          static configuration
//! <folder>/dynamic/dynamic.yml  dynamic configuration of the test, unchanged
//! <folder>/dynamic/marker.yml   route of the harness that shows which configuration is active
//! <folder>/plugins-local        link to the built plugins
//! <folder>/traefik.log          Traefik's log, one JSON object per line
//! <folder>/access.log           access log, if enabled
//! <folder>/output.log           Traefik's output: errors from before the log is open
//! ```

mod builder;
mod configuration;
mod error;
mod http_get;
mod layout;
mod process;

pub use self::builder::{LocalPlugin, TraefikBuilder};
pub use self::error::TraefikError;
pub use self::process::Traefik;
