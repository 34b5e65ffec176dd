//! The programs for operators and the release: [`check`], [`device_login`], [`dist`].

pub mod check;
pub mod cli;
pub mod device_login;
pub mod dist;

use harness::server;
pub use harness_build::{guests, tools};
