//! What this instance must give back even when it traps.
//!
//! A trap ends the request, but the instance goes back to Traefik's pool, and no destructor runs. The panic
//! hook, and for traps without a panic the next request on this instance, call [`recover`].

use std::cell::{Cell, RefCell};

use super::abi;
use super::lock::Taken;

thread_local! {
    static ENTRIES: RefCell<Vec<(i32, String)>> = const { RefCell::new(Vec::new()) };
    static DESCRIPTOR: Cell<Option<i32>> = const { Cell::new(None) };
    static LOCK: Cell<Option<Taken>> = const { Cell::new(None) };
}

/// The entry `name` of the directory `fd` is ours.
pub(super) fn add(fd: i32, name: &str) {
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.push((fd, name.to_owned()));
        }
    });
}

/// The entry is no longer ours.
pub(super) fn remove(name: &str) {
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.retain(|(_, entry)| entry != name);
        }
    });
}

/// The open descriptor that only the lock's holder has.
pub(super) fn set_descriptor(fd: Option<i32>) {
    DESCRIPTOR.set(fd);
}

/// The system's lock is ours, or no longer ours. Returns what was noted before.
pub(super) fn set_lock(taken: Option<Taken>) -> Option<Taken> {
    LOCK.replace(taken)
}

/// Gives back whatever a trap left in this instance's hands: the open connection, the lock, then leases and places,
/// youngest first. Costs nothing when there is nothing.
pub fn recover() {
    if let Some(fd) = DESCRIPTOR.take() {
        // A descriptor is open only while this instance holds the lock, so closing it is safe.
        abi::close(fd);
    }
    if let Some(taken) = LOCK.take() {
        taken.give_back();
    }
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            while let Some((fd, name)) = entries.pop() {
                let _ = abi::unlink(fd, &name);
            }
        }
    });
}
