//! What this instance must give back even when it traps.
//!
//! A trap ends the request, but the instance goes back to Traefik's pool, and no destructor runs. The panic
//! hook, and for traps without a panic the next request on this instance, call [`recover`].

use std::cell::{Cell, RefCell};

use super::abi;
use super::lock::Taken;

struct Entry {
    /// Of the directory.
    fd: i32,
    name: String,
    content: String,
}

thread_local! {
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static DESCRIPTOR: Cell<Option<i32>> = const { Cell::new(None) };
    static LOCK: Cell<Option<Taken>> = const { Cell::new(None) };
}

/// The entry `name` of the directory `fd` is ours, as long as it has this content.
pub(super) fn add(fd: i32, name: &str, content: &str) {
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.push(Entry {
                fd,
                name: name.to_owned(),
                content: content.to_owned(),
            });
        }
    });
}

/// The entry is no longer ours.
pub(super) fn remove(name: &str) {
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.retain(|entry| entry.name != name);
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

/// The system's lock, if this instance has it.
pub(super) fn lock() -> Option<Taken> {
    LOCK.get()
}

/// Gives back whatever a trap left in this instance's hands: the open connection, the lock, then leases and places,
/// youngest first. Costs nothing when there is nothing.
pub fn recover() {
    let lock = LOCK.take().filter(Taken::is_ours);
    if let Some(fd) = DESCRIPTOR.take()
        && lock.is_some()
    {
        // A descriptor is open only while this instance holds the lock, so closing it is safe.
        abi::close(fd);
    }
    if let Some(taken) = lock {
        taken.give_back();
    }
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            while let Some(Entry { fd, name, content }) = entries.pop() {
                // It may have been taken for abandoned, and now be somebody else's.
                let mut buffer = [0; 64];
                let is_ours = abi::readlink(fd, &name, &mut buffer)
                    .is_ok_and(|length| buffer.get(..length) == Some(content.as_bytes()));
                if is_ours {
                    let _ = abi::unlink(fd, &name);
                }
            }
        }
    });
}
