//! Ctrl-C and `kill`: without a handler, this process would exit and leave its Traefik running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use harness::server::runtime;

/// Sets `interrupted` on the first SIGINT or SIGTERM.
pub(super) fn sets(interrupted: Arc<AtomicBool>) {
    runtime().spawn(async move {
        let (Ok(mut by_key), Ok(mut by_kill)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        tokio::select! {
            _ = by_key.recv() => {}
            _ = by_kill.recv() => {}
        }
        interrupted.store(true, Ordering::Relaxed);
    });
}
