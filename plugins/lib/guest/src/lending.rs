//! The host's functions that read a request or an answer, into a buffer of the caller.
//!
//! `http-wasm-guest` copies each value to the heap. These functions are called for every request, so they do without.
//! All other functions of the host are called through `http-wasm-guest`.
#![allow(unsafe_code)]

#[link(wasm_import_module = "http_handler")]
unsafe extern "C" {
    fn get_method(buffer: *mut u8, limit: i32) -> i32;
    fn get_uri(buffer: *mut u8, limit: i32) -> i32;
    fn get_header_names(kind: i32, buffer: *mut u8, limit: i32) -> i64;
    fn get_header_values(kind: i32, name: *const u8, length: i32, buffer: *mut u8, limit: i32) -> i64;
}

/// The `kind` of the headers of a request.
const REQUEST: i32 = 0;
/// The `kind` of the headers of an answer.
const RESPONSE: i32 = 1;

/// What the host has to lend.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// The number of texts.
    pub(crate) count: usize,
    /// Their length in bytes. If it is longer than the buffer, nothing was written.
    pub(crate) length: usize,
}

/// Reads the method.
pub(crate) fn method(buffer: &mut [u8]) -> Size {
    // SAFETY: the host writes at most `limit` bytes, which the buffer has, and keeps no pointer.
    one(unsafe { get_method(buffer.as_mut_ptr(), limit(buffer)) })
}

/// Reads the URI.
pub(crate) fn uri(buffer: &mut [u8]) -> Size {
    // SAFETY: as above.
    one(unsafe { get_uri(buffer.as_mut_ptr(), limit(buffer)) })
}

/// Reads the names of all headers of the request, each followed by a zero byte.
pub(crate) fn header_names(buffer: &mut [u8]) -> Size {
    // SAFETY: as above.
    many(unsafe { get_header_names(REQUEST, buffer.as_mut_ptr(), limit(buffer)) })
}

/// Reads the values of a header of the request, each followed by a zero byte.
pub(crate) fn header(name: &str, buffer: &mut [u8]) -> Size {
    values(REQUEST, name, buffer)
}

/// Whether the answer has this header.
pub(crate) fn answer_has_header(name: &str) -> bool {
    values(RESPONSE, name, &mut []).count > 0
}

fn values(kind: i32, name: &str, buffer: &mut [u8]) -> Size {
    let (buffer, limit) = (buffer.as_mut_ptr(), limit(buffer));
    // SAFETY: as above. The host reads the name, whose length is right, before it writes.
    many(unsafe { get_header_values(kind, name.as_ptr(), length(name.len()), buffer, limit) })
}

fn one(length: i32) -> Size {
    Size {
        count: 1,
        length: usize::try_from(length).unwrap_or_default(),
    }
}

/// The host returns the count in the upper half and the length in the lower.
fn many(both: i64) -> Size {
    let half = |shift: u32| usize::try_from(both >> shift & 0xffff_ffff).unwrap_or_default();
    Size {
        count: half(32),
        length: half(0),
    }
}

fn limit(buffer: &[u8]) -> i32 {
    length(buffer.len())
}

fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
