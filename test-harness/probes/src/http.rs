//! Host calls of http-wasm that allocate nothing. Values that the host hands over go into one static buffer.

use std::cell::UnsafeCell;

/// The message whose headers a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The client's request.
    Request = 0,
    /// The backend's response.
    Response = 1,
}

/// Reads all values of a header. Returns their number.
pub fn read_header(message: Message, name: &str) -> i32 {
    // SAFETY: the host reads `name`, and writes at most `SIZE` bytes into the buffer, which nothing else refers to.
    let count = unsafe {
        ffi::get_header_values(
            message as i32,
            name.as_ptr(),
            length(name),
            BUFFER.0.get().cast(),
            SIZE as i32,
        )
    };
    (count >> 32) as i32
}

/// Returns the number of values of a header without reading them.
pub fn count_header(message: Message, name: &str) -> i32 {
    // SAFETY: the host reads `name`. With a limit of 0 it writes nothing.
    let count = unsafe {
        ffi::get_header_values(
            message as i32,
            name.as_ptr(),
            length(name),
            BUFFER.0.get().cast(),
            0,
        )
    };
    (count >> 32) as i32
}

/// Reads path and query of the request. Returns their length.
pub fn read_uri() -> i32 {
    // SAFETY: the host writes at most `SIZE` bytes into the buffer, which nothing else refers to.
    unsafe { ffi::get_uri(BUFFER.0.get().cast(), SIZE as i32) }
}

/// Replaces all values of a request header.
pub fn set_header(name: &str, value: &str) {
    // SAFETY: the host only reads the two texts.
    unsafe {
        ffi::set_header_value(
            REQUEST,
            name.as_ptr(),
            length(name),
            value.as_ptr(),
            length(value),
        )
    };
}

/// Adds a value to a request header.
pub fn add_header(name: &str, value: &str) {
    // SAFETY: the host only reads the two texts.
    unsafe {
        ffi::add_header_value(
            REQUEST,
            name.as_ptr(),
            length(name),
            value.as_ptr(),
            length(value),
        )
    };
}

/// Removes a request header.
pub fn remove_header(name: &str) {
    // SAFETY: the host only reads the name.
    unsafe { ffi::remove_header(REQUEST, name.as_ptr(), length(name)) };
}

/// Replaces path and query of the request.
pub fn set_uri(uri: &str) {
    // SAFETY: the host only reads the text.
    unsafe { ffi::set_uri(uri.as_ptr(), length(uri)) };
}

fn length(text: &str) -> i32 {
    text.len() as i32
}

const REQUEST: i32 = Message::Request as i32;

/// As large as the buffer of `http-wasm-guest`.
const SIZE: usize = 2048;

struct Buffer(UnsafeCell<[u8; SIZE]>);

// SAFETY: a guest has one thread.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; SIZE]));

mod ffi {
    #[link(wasm_import_module = "http_handler")]
    unsafe extern "C" {
        pub(super) fn get_header_values(
            kind: i32,
            name: *const u8,
            name_len: i32,
            buffer: *mut u8,
            limit: i32,
        ) -> i64;
        pub(super) fn set_header_value(
            kind: i32,
            name: *const u8,
            name_len: i32,
            value: *const u8,
            value_len: i32,
        );
        pub(super) fn add_header_value(
            kind: i32,
            name: *const u8,
            name_len: i32,
            value: *const u8,
            value_len: i32,
        );
        pub(super) fn remove_header(kind: i32, name: *const u8, name_len: i32);
        pub(super) fn get_uri(buffer: *mut u8, limit: i32) -> i32;
        pub(super) fn set_uri(uri: *const u8, length: i32);
    }
}
