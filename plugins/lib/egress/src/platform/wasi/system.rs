//! Telling one WASI system from another.
//!
//! The lock must cover exactly the instances that share a system, but the host gives a system no name. It does
//! give it three descriptors nobody here uses, stdin, stdout and stderr, whose rights can be read at any time
//! and only ever be reduced. The first instance of a system, which is alone while it starts, drops a random
//! selection of them; every later instance reads the same selection. The name lives and dies with the system:
//! nothing to clean up, no descriptor opened, and a lock that a killed Traefik left behind never meets anyone.

use super::abi;

/// A right of stdin (`fd_advise`) whose absence says that the selection was made.
const MADE: u64 = 1 << 7;
/// Rights that files and terminals alike have, and that are of no use to us.
const SELECTABLE: [u32; 9] = [0, 1, 4, 6, 8, 21, 22, 23, 27];
const STDIO: [i32; 3] = [0, 1, 2];

/// Must be called first thing when an instance starts. True in the first instance of its system, which is alone
/// until its start is over.
pub fn enter_system() -> bool {
    let first = abi::rights(0).is_ok_and(|(base, _)| base & MADE != 0);
    if first {
        choose();
    }
    first
}

/// The name of the system this instance belongs to: 27 bits.
///
/// Systems that happen to have the same name share a lock, which is safe and merely slower; so do all where
/// the host does not let rights be dropped.
pub(super) fn identity() -> u32 {
    let mut identity = 0;
    for fd in STDIO {
        let (base, _) = abi::rights(fd).unwrap_or_default();
        for bit in SELECTABLE {
            identity = identity << 1 | u32::from(base >> bit & 1 == 0);
        }
    }
    identity
}

fn choose() {
    let mut random = [0; 4];
    if abi::random(&mut random).is_err() {
        return;
    }
    let mut random = u32::from_le_bytes(random);
    for fd in STDIO {
        let Ok((base, inheriting)) = abi::rights(fd) else {
            continue;
        };
        let mut kept = base;
        for bit in SELECTABLE {
            kept &= !(u64::from(random & 1) << bit);
            random >>= 1;
        }
        if fd == 0 {
            kept &= !MADE;
        }
        let _ = abi::set_rights(fd, kept, inheriting);
    }
}
