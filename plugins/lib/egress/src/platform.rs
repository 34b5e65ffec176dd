//! The machine underneath: clocks, randomness, a shared directory and sockets.
//!
//! All other code reaches the machine through the trait [`Platform`]. There are two implementations: `Native` for tests
//! and command-line tools, and `Wasi` for plugins inside Traefik.
//!
//! * `machine`: [`Platform`] itself.
//! * `directory`, `sockets`: what it offers, and how that fails.
//! * `errno`: error numbers in words. `nonce`: random names.

mod directory;
mod errno;
mod machine;
#[cfg(not(target_family = "wasm"))]
mod native;
mod nonce;
mod sockets;
#[cfg(target_family = "wasm")]
mod wasi;

pub use directory::{Directory, DirectoryError, MAX_CONTENT};
pub use machine::Platform;
#[cfg(not(target_family = "wasm"))]
pub use native::Native;
pub use nonce::nonce;
pub use sockets::{SLICE, SocketError, Sockets, Stream, is_over};
#[cfg(target_family = "wasm")]
pub use wasi::{FILES, Wasi, enter_system, recover};
