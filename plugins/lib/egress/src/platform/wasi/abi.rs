//! WASI preview 1 and the WasmEdge socket extension as Traefik offers them: the workspace's only unsafe code.
//!
//! Every function here is a thin, safe wrapper around one host function. This module does not check which of them may
//! be called when. The groups below say it, and the modules around this one comply.
#![allow(unsafe_code)]

/// A WASI error number other than success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errno(pub(super) u16);

pub(super) const EACCES: Errno = Errno(2);
pub(super) const EAGAIN: Errno = Errno(6);
pub(super) const EEXIST: Errno = Errno(20);
pub(super) const EINPROGRESS: Errno = Errno(26);
pub(super) const EINVAL: Errno = Errno(28);
pub(super) const ELOOP: Errno = Errno(32);
pub(super) const ENOENT: Errno = Errno(44);
pub(super) const ENOSPC: Errno = Errno(51);
pub(super) const EPERM: Errno = Errno(63);
pub(super) const ERANGE: Errno = Errno(68);
pub(super) const EROFS: Errno = Errno(69);
pub(super) const EDQUOT: Errno = Errno(19);
pub(super) const ENOTCAPABLE: Errno = Errno(76);

type Result<T> = core::result::Result<T, Errno>;

fn check(errno: i32) -> Result<()> {
    match u16::try_from(errno) {
        Ok(0) => Ok(()),
        Ok(errno) => Err(Errno(errno)),
        Err(_) => Err(Errno(u16::MAX)),
    }
}

mod ffi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        // Safe at any time, from any instance: no shared buffer, no descriptor made or closed.
        pub(super) fn clock_time_get(clock: i32, precision: i64, time: *mut u64) -> i32;
        pub(super) fn random_get(buffer: *mut u8, length: usize) -> i32;
        pub(super) fn sched_yield() -> i32;
        pub(super) fn path_symlink(
            old: *const u8,
            old_len: usize,
            fd: i32,
            new: *const u8,
            new_len: usize,
        ) -> i32;
        pub(super) fn path_readlink(
            fd: i32,
            path: *const u8,
            path_len: usize,
            buffer: *mut u8,
            length: usize,
            used: *mut usize,
        ) -> i32;
        pub(super) fn path_filestat_get(
            fd: i32,
            lookup: i32,
            path: *const u8,
            path_len: usize,
            stat: *mut [u64; 8],
        ) -> i32;
        pub(super) fn path_rename(
            fd: i32,
            old: *const u8,
            old_len: usize,
            new_fd: i32,
            new: *const u8,
            new_len: usize,
        ) -> i32;
        pub(super) fn path_unlink_file(fd: i32, path: *const u8, path_len: usize) -> i32;
        pub(super) fn fd_prestat_get(fd: i32, prestat: *mut [u32; 2]) -> i32;
        pub(super) fn fd_prestat_dir_name(fd: i32, path: *mut u8, length: usize) -> i32;
        pub(super) fn fd_fdstat_get(fd: i32, stat: *mut [u64; 3]) -> i32;
        pub(super) fn fd_sync(fd: i32) -> i32;
        pub(super) fn fd_seek(fd: i32, delta: i64, whence: i32, position: *mut u64) -> i32;

        // Only where this instance is alone: in the first instance of a system, while it starts.
        pub(super) fn fd_fdstat_set_rights(fd: i32, base: i64, inheriting: i64) -> i32;

        // Only inside the lock: shared buffers, or the descriptor table changes.
        pub(super) fn fd_fdstat_set_flags(fd: i32, flags: i32) -> i32;
        pub(super) fn fd_close(fd: i32) -> i32;
        pub(super) fn fd_read(fd: i32, iovs: *const [usize; 2], count: usize, read: *mut usize) -> i32;
        pub(super) fn fd_write(fd: i32, iovs: *const [usize; 2], count: usize, written: *mut usize) -> i32;
        pub(super) fn path_open(
            fd: i32,
            lookup: i32,
            path: *const u8,
            path_len: usize,
            open: i32,
            base: i64,
            inheriting: i64,
            flags: i32,
            opened: *mut i32,
        ) -> i32;
        pub(super) fn poll_oneoff(
            subscriptions: *const u8,
            events: *mut u8,
            count: usize,
            ready: *mut usize,
        ) -> i32;
        pub(super) fn sock_open(family: i32, kind: i32, fd: *mut i32) -> i32;
        pub(super) fn sock_connect(fd: i32, address: *const [usize; 2], port: i32) -> i32;
        pub(super) fn sock_getsockopt(fd: i32, level: i32, option: i32, value: *mut i32, length: i32) -> i32;
        pub(super) fn sock_getaddrinfo(
            name: *const u8,
            name_len: usize,
            service: *const u8,
            service_len: usize,
            hints: *const AddressInfo,
            results: *mut *mut AddressInfo,
            max: i32,
            count: *mut i32,
        ) -> i32;
    }

    /// `addrinfo` of the WasmEdge extension; pointers are 32 bits wide.
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub(super) struct AddressInfo {
        pub(super) flags: u16,
        pub(super) family: u8,
        pub(super) kind: u8,
        pub(super) protocol: u32,
        pub(super) address_length: u32,
        pub(super) address: *mut SocketAddress,
        pub(super) canonical_name: *mut u8,
        pub(super) canonical_name_length: u32,
        pub(super) next: *mut AddressInfo,
    }

    /// `sockaddr` of the WasmEdge extension: a family and a pointer to port and address, network byte order.
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub(super) struct SocketAddress {
        pub(super) family: u32,
        pub(super) length: u32,
        pub(super) data: *mut u8,
    }
}

/// Reads the wall clock (0) or the monotonic clock (1) in nanoseconds.
pub(super) fn clock(id: i32) -> u64 {
    let mut time = 0;
    // SAFETY: `time` is a valid place for the eight bytes the host writes.
    let _ = unsafe { ffi::clock_time_get(id, 1, &raw mut time) };
    time
}

pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    // SAFETY: the host writes exactly `bytes.len()` bytes into `bytes`.
    check(unsafe { ffi::random_get(bytes.as_mut_ptr(), bytes.len()) })
}

pub(super) fn yield_now() {
    // SAFETY: takes and returns numbers only.
    let _ = unsafe { ffi::sched_yield() };
}

pub(super) fn symlink(content: &str, fd: i32, name: &str) -> Result<()> {
    // SAFETY: the host reads both strings within their lengths.
    check(unsafe { ffi::path_symlink(content.as_ptr(), content.len(), fd, name.as_ptr(), name.len()) })
}

/// Reads a link into `buffer` and returns the used length. The host reports a full buffer as ERANGE.
pub(super) fn readlink(fd: i32, name: &str, buffer: &mut [u8]) -> Result<usize> {
    let mut used = 0;
    // SAFETY: the host reads `name` within its length and writes at most `buffer.len()` bytes.
    check(unsafe {
        ffi::path_readlink(
            fd,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut used,
        )
    })?;
    Ok(used.min(buffer.len()))
}

/// Returns the metadata of the file `path` below the directory `fd`, following links: device, inode, kind, links, size,
/// and the times of the last access, of the last change of the content, and of the last change of anything about it.
pub(super) fn stat(fd: i32, path: &str) -> Result<[u64; 8]> {
    const FOLLOW_LINKS: i32 = 1;
    let mut stat = [0; 8];
    // SAFETY: the host reads `path` within its length and writes the 64 bytes of a filestat.
    check(unsafe { ffi::path_filestat_get(fd, FOLLOW_LINKS, path.as_ptr(), path.len(), &raw mut stat) })?;
    Ok(stat)
}

pub(super) fn rename(fd: i32, from: &str, to: &str) -> Result<()> {
    // SAFETY: the host reads both strings within their lengths.
    check(unsafe { ffi::path_rename(fd, from.as_ptr(), from.len(), fd, to.as_ptr(), to.len()) })
}

pub(super) fn unlink(fd: i32, name: &str) -> Result<()> {
    // SAFETY: the host reads `name` within its length.
    check(unsafe { ffi::path_unlink_file(fd, name.as_ptr(), name.len()) })
}

/// Returns the guest path of the preopened directory `fd`.
pub(super) fn preopened(fd: i32) -> Result<String> {
    let mut prestat = [0; 2];
    // SAFETY: the host writes the eight bytes of a prestat.
    check(unsafe { ffi::fd_prestat_get(fd, &raw mut prestat) })?;
    let [_, length] = prestat;
    let mut path = vec![0; usize::try_from(length).unwrap_or(0)];
    // SAFETY: the host writes exactly `path.len()` bytes, and refuses any other length than the right one.
    check(unsafe { ffi::fd_prestat_dir_name(fd, path.as_mut_ptr(), path.len()) })?;
    String::from_utf8(path).map_err(|_| EINVAL)
}

/// Returns the rights of a descriptor: its own, and those that it passes on.
pub(super) fn rights(fd: i32) -> Result<(u64, u64)> {
    let mut stat = [0; 3];
    // SAFETY: the host writes the 24 bytes of an fdstat.
    check(unsafe { ffi::fd_fdstat_get(fd, &raw mut stat) })?;
    let [_, base, inheriting] = stat;
    Ok((base, inheriting))
}

pub(super) fn set_rights(fd: i32, base: u64, inheriting: u64) -> Result<()> {
    // SAFETY: takes and returns numbers only.
    check(unsafe { ffi::fd_fdstat_set_rights(fd, base.cast_signed(), inheriting.cast_signed()) })
}

/// Looks up the descriptor like the calls with paths do, but touches no buffer.
pub(super) fn sync(fd: i32) -> Result<()> {
    // SAFETY: takes no memory.
    check(unsafe { ffi::fd_sync(fd) })
}

pub(super) fn set_nonblocking(fd: i32) -> Result<()> {
    const NONBLOCK: i32 = 4;
    // SAFETY: takes and returns numbers only.
    check(unsafe { ffi::fd_fdstat_set_flags(fd, NONBLOCK) })
}

pub(super) fn close(fd: i32) {
    // SAFETY: takes and returns numbers only; the wrappers around it own the descriptor they close.
    let _ = unsafe { ffi::fd_close(fd) };
}

pub(super) fn read(fd: i32, buffer: &mut [u8]) -> Result<usize> {
    let vector = [buffer.as_mut_ptr().addr(), buffer.len()];
    let mut count = 0;
    // SAFETY: the vector names `buffer`, which the host fills within its length.
    check(unsafe { ffi::fd_read(fd, &raw const vector, 1, &raw mut count) })?;
    Ok(count.min(buffer.len()))
}

pub(super) fn write(fd: i32, bytes: &[u8]) -> Result<usize> {
    let vector = [bytes.as_ptr().addr(), bytes.len()];
    let mut count = 0;
    // SAFETY: the vector names `bytes`, which the host only reads.
    check(unsafe { ffi::fd_write(fd, &raw const vector, 1, &raw mut count) })?;
    Ok(count.min(bytes.len()))
}

/// The origin of a change of position.
#[derive(Clone, Copy)]
pub(super) enum Whence {
    Start = 0,
    Current = 1,
}

/// Moves the position of `fd` and returns the new one. The kernel does this atomically.
pub(super) fn seek(fd: i32, delta: i64, whence: Whence) -> Result<u64> {
    let mut position = 0;
    // SAFETY: the host writes one number.
    check(unsafe { ffi::fd_seek(fd, delta, whence as i32, &raw mut position) })?;
    Ok(position)
}

/// Opens the file `path` below the directory `fd` for reading.
pub(super) fn open(fd: i32, path: &str) -> Result<i32> {
    const READ: u64 = 1 << 1;
    open_with(fd, path, READ)
}

/// Opens the directory `fd` again, as something with a position and not as a directory.
pub(super) fn open_to_position(fd: i32, rights: u64) -> Result<i32> {
    open_with(fd, ".", rights)
}

fn open_with(fd: i32, path: &str, rights: u64) -> Result<i32> {
    const FOLLOW_LINKS: i32 = 1;
    let mut opened = -1;
    // SAFETY: the host reads `path` within its length and writes one descriptor.
    check(unsafe {
        ffi::path_open(
            fd,
            FOLLOW_LINKS,
            path.as_ptr(),
            path.len(),
            0,
            rights.cast_signed(),
            0,
            0,
            &raw mut opened,
        )
    })?;
    Ok(opened)
}

/// What to wait for.
#[derive(Clone, Copy)]
pub(super) enum Readiness {
    Read,
    Write,
}

/// Waits until `fd` is ready or `nanos` (at least a second, see the module head of `sockets`) have passed.
pub(super) fn poll(fd: i32, readiness: Readiness, nanos: u64) -> Result<bool> {
    // Two subscriptions of 48 bytes: userdata u64, tag u8 at 8, then the union at 16.
    let mut subscriptions = [0_u8; 96];
    let mut put = |offset: usize, bytes: &[u8]| {
        if let Some(place) = subscriptions.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    const CLOCK: u8 = 0;
    put(0, &1_u64.to_le_bytes());
    put(
        8,
        &[match readiness {
            Readiness::Read => 1,
            Readiness::Write => 2,
        }],
    );
    put(16, &fd.to_le_bytes());
    put(48, &2_u64.to_le_bytes());
    put(56, &[CLOCK]);
    put(64, &1_u32.to_le_bytes()); // monotonic
    put(72, &nanos.to_le_bytes()); // relative timeout
    let mut events = [0_u8; 64];
    let mut ready = 0_usize;
    // SAFETY: two subscriptions of 48 bytes are read, at most two events of 32 bytes are written.
    check(unsafe { ffi::poll_oneoff(subscriptions.as_ptr(), events.as_mut_ptr(), 2, &raw mut ready) })?;
    Ok(events
        .chunks_exact(32)
        .take(ready)
        .any(|event| event.first() == Some(&1)))
}

pub(super) fn socket(ipv6: bool) -> Result<i32> {
    const STREAM: i32 = 2;
    let mut fd = -1;
    // SAFETY: the host writes one descriptor.
    check(unsafe { ffi::sock_open(if ipv6 { 2 } else { 1 }, STREAM, &raw mut fd) })?;
    Ok(fd)
}

/// Starts connecting. A non-blocking socket usually answers EINPROGRESS.
pub(super) fn connect(fd: i32, address: core::net::SocketAddr) -> Result<()> {
    // Version 2 of the extension: 128 bytes, little-endian family, then the address.
    let mut bytes = [0_u8; 128];
    let (family, octets): (u8, Vec<u8>) = match address.ip() {
        core::net::IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        core::net::IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    for (place, byte) in bytes.iter_mut().zip([family, 0].into_iter().chain(octets)) {
        *place = byte;
    }
    let list = [bytes.as_ptr().addr(), bytes.len()];
    // SAFETY: the list names `bytes`, which the host only reads.
    check(unsafe { ffi::sock_connect(fd, &raw const list, i32::from(address.port())) })
}

/// Returns the pending error of a socket (`SO_ERROR`), or zero.
pub(super) fn socket_error(fd: i32) -> Result<u16> {
    const SOCKET: i32 = 0;
    const ERROR: i32 = 2;
    let mut value = 0_i32;
    // SAFETY: the host writes one number of four bytes.
    check(unsafe { ffi::sock_getsockopt(fd, SOCKET, ERROR, &raw mut value, 4) })?;
    Ok(u16::try_from(value).unwrap_or(u16::MAX))
}

/// Looks up a name. The system's resolver decides how long that takes.
pub(super) fn addresses(name: &str, port: u16) -> Result<Vec<core::net::SocketAddr>> {
    const LIMIT: usize = 8;
    const DATA: usize = 26;
    let mut data = [[0_u8; DATA]; LIMIT];
    let mut sockets = [ffi::SocketAddress {
        family: 0,
        length: 0,
        data: core::ptr::null_mut(),
    }; LIMIT];
    let none = ffi::AddressInfo {
        flags: 0,
        family: 0,
        kind: 2,
        protocol: 0,
        address_length: 0,
        address: core::ptr::null_mut(),
        canonical_name: core::ptr::null_mut(),
        canonical_name_length: 0,
        next: core::ptr::null_mut(),
    };
    let mut infos = [none; LIMIT];
    let mut next: *mut ffi::AddressInfo = core::ptr::null_mut();
    for ((info, socket), data) in infos
        .iter_mut()
        .zip(sockets.iter_mut())
        .zip(data.iter_mut())
        .rev()
    {
        socket.length = 26;
        socket.data = data.as_mut_ptr();
        info.address = &raw mut *socket;
        info.next = next;
        next = &raw mut *info;
    }
    const NUMERIC_SERVICE: u16 = 1 << 3;
    let hints = ffi::AddressInfo {
        flags: NUMERIC_SERVICE,
        ..none
    };
    let service = port.to_string();
    let mut count = 0;
    // SAFETY: `next` is the head of a list of LIMIT entries, each with room for the 26 bytes of port and
    // address that the host writes; strings are read within their lengths; all of it outlives the call.
    check(unsafe {
        ffi::sock_getaddrinfo(
            name.as_ptr(),
            name.len(),
            service.as_ptr(),
            service.len(),
            &raw const hints,
            &raw mut next,
            i32::try_from(LIMIT).unwrap_or(8),
            &raw mut count,
        )
    })?;
    let count = usize::try_from(count).unwrap_or(0).min(LIMIT);
    Ok(sockets
        .iter()
        .zip(&data)
        .take(count)
        .filter_map(|(socket, data)| {
            let (_port, address) = data.split_first_chunk::<2>()?;
            let ip: core::net::IpAddr = match socket.family.to_le_bytes().first()? {
                1 => address.first_chunk::<4>().copied()?.into(),
                2 => address.first_chunk::<16>().copied()?.into(),
                _ => return None,
            };
            Some(core::net::SocketAddr::new(ip, port))
        })
        .collect())
}
