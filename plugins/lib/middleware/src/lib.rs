//! The vocabulary of all plugins: requests in, decisions out.
//!
//! In scope: what a middleware sees of a request ([`RequestHead`]), what it may answer ([`Decision`], [`Problem`]), how
//! its options are read ([`config`]), how options refer to secrets ([`Secret`]), what it may ask of its host
//! ([`Host`]), how it logs ([`Event`]), and how an instance handles an unusable configuration and changed files
//! ([`Instance`]).
//!
//! Out of scope: the http-wasm ABI (crate `guest`), sockets (crate `egress`), shared state (crate `shared-state`),
//! tokens (crates `jose`, `claims` and `oauth`). Nothing here depends on the host, so all of it is tested natively.
#![forbid(unsafe_code)]

pub mod config;
mod decision;
mod files;
mod host;
mod instance;
mod log;
mod names;
pub mod pace;
pub mod pem;
pub mod percent;
mod plugin;
mod problem;
pub mod published;
mod request;
mod secret;
mod text;
mod time;
mod values;

pub use config::ConfigError;
pub use decision::{Decision, Edit, Edits, Reply};
pub use files::{FileStamp, FileWatch, FilesRead};
pub use host::{FileError, Host};
pub use instance::{Instance, Surroundings};
pub use log::{Event, Level};
pub use names::{is_token, same_to_a_backend};
pub use pace::work;
pub use plugin::Middleware;
pub use problem::{Problem, Reason};
pub use request::{RequestHead, ResponseHead};
pub use secret::{Secret, SecretRef};
pub use text::Text;
pub use time::UnixTime;
pub use values::Values;

#[cfg(test)]
extern crate self as middleware;
/// The crate `test-doubles` depends on this one, so the unit tests here compile its files themselves.
#[cfg(test)]
#[path = "../../test-doubles/src"]
#[allow(dead_code, unreachable_pub)]
mod test_doubles {
    pub(crate) mod host;
    pub(crate) mod request;
}
