//! What this instance must release even if it traps.
//!
//! A trap ends the request, and no destructor runs, but the instance goes back to Traefik's pool. The panic hook calls
//! [`recover`]. After a trap without a panic, the next request on this instance does.

use std::cell::{Cell, RefCell};

use super::abi;
use super::counter::Token;

struct Entry {
    /// The descriptor of the directory.
    fd: i32,
    name: String,
    content: String,
}

thread_local! {
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static DESCRIPTOR: Cell<Option<i32>> = const { Cell::new(None) };
    static LOCK: Cell<Option<Token>> = const { Cell::new(None) };
}

/// Notes that this instance owns the entry `name` of the directory `fd`, as long as the entry has this content.
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

/// Notes that this instance no longer owns the entry.
pub(super) fn remove(name: &str) {
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            entries.retain(|entry| entry.name != name);
        }
    });
}

/// Notes the open descriptor, of which the lock's holder has at most one.
pub(super) fn set_descriptor(fd: Option<i32>) {
    DESCRIPTOR.set(fd);
}

/// Notes that this instance has taken the system's lock, or released it. Returns the previous note.
pub(super) fn set_lock(token: Option<Token>) -> Option<Token> {
    LOCK.replace(token)
}

/// The token of the system's lock, if this instance holds it.
pub(super) fn lock() -> Option<Token> {
    LOCK.get()
}

/// Releases what a trap left behind in this instance: the open connection, the lock, then the entries, the latest
/// first. Costs nothing if there is nothing.
pub fn recover() {
    let lock = LOCK.take().filter(Token::is_valid);
    if let Some(fd) = DESCRIPTOR.take()
        && lock.is_some()
    {
        // A descriptor is open only while this instance holds the lock, so closing it is safe.
        abi::close(fd);
    }
    if let Some(token) = lock {
        token.release();
    }
    ENTRIES.with(|entries| {
        if let Ok(mut entries) = entries.try_borrow_mut() {
            while let Some(Entry { fd, name, content }) = entries.pop() {
                // Another instance may have taken the entry for abandoned, and own it by now.
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
