//! The real Traefik as a child process, each in a folder of its own and on ports of its own.
//!
//! ```text
//! <folder>/traefik.yml          static configuration
//! <folder>/dynamic/dynamic.yml  the test's dynamic configuration, as it was given
//! <folder>/dynamic/marker.yml   ours: a route by which a configuration is seen to be in force
//! <folder>/plugins-local        link to the built plugins
//! <folder>/traefik.log          Traefik's log, one JSON object a line
//! <folder>/access.log           its access log, if asked for
//! <folder>/output.log           what it printed: errors from before the log is open
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
