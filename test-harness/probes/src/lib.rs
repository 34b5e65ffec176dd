//! Guests that show how Traefik's Wasm host behaves. They are not plugins: most answer every request with what they
//! found.
//!
//! Most of them make the calls that the plugins avoid, so that the tests in `test-harness/e2e/tests/e2e/host_facts.rs`
//! notice when a new Traefik behaves differently. `probe-signatures` shows that the crate `jose` gives the same results
//! there as natively. The `probe-floor` guests make the host calls of our plugins and nothing else, which shows what
//! those calls cost. Native builds are empty.

#[cfg(target_family = "wasm")]
pub mod floor;
#[cfg(target_family = "wasm")]
pub mod http;

/// Registers a guest that answers every request with `answer(path)`.
#[cfg(target_family = "wasm")]
pub fn answer_with(answer: impl Fn(&str) -> String + 'static) {
    answer_request_with(move |request| answer(std::str::from_utf8(&request.uri()).unwrap_or("/")));
}

/// Registers a guest that answers every request with `answer(body)`.
#[cfg(target_family = "wasm")]
pub fn answer_body_with(answer: impl Fn(&[u8]) -> String + 'static) {
    answer_request_with(move |request| answer(&request.body.read()));
}

#[cfg(target_family = "wasm")]
fn answer_request_with(answer: impl Fn(&http_wasm_guest::host::Request) -> String + 'static) {
    use http_wasm_guest::host::{Request, Response};
    use http_wasm_guest::{Guest, register};

    struct Probe<F>(F);
    impl<F: Fn(&Request) -> String> Guest for Probe<F> {
        fn handle_request(&self, request: &Request, response: &Response) -> (bool, i32) {
            let answer = (self.0)(request);
            response.set_status(200);
            response.body.write(answer.as_bytes());
            (false, 0)
        }
    }
    register(Probe(answer));
}

/// Registers a guest that passes every request on unchanged.
#[cfg(target_family = "wasm")]
pub fn pass_on() {
    use http_wasm_guest::{Guest, register};

    struct Idle;
    impl Guest for Idle {}
    register(Idle);
}

/// The host functions that probes call directly.
#[cfg(target_family = "wasm")]
pub mod wasi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        fn random_get(buffer: *mut u8, length: usize) -> i32;
        fn fd_close(fd: i32) -> i32;
        fn fd_fdstat_get(fd: i32, status: *mut [u64; 3]) -> i32;
        fn clock_time_get(clock: i32, precision: i64, time: *mut u64) -> i32;
        fn sock_getaddrinfo(
            name: *const u8,
            name_len: usize,
            service: *const u8,
            service_len: usize,
            hints: *const [u32; 7],
            results: *mut *mut [u32; 7],
            max: i32,
            count: *mut i32,
        ) -> i32;
    }

    /// Eight random bytes in hex.
    pub fn random() -> String {
        let mut bytes = [0_u8; 8];
        // SAFETY: the host writes eight bytes into `bytes`.
        unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The monotonic clock in nanoseconds.
    pub fn monotonic() -> u64 {
        let mut time = 0;
        // SAFETY: the host writes eight bytes into `time`.
        unsafe { clock_time_get(1, 1, &raw mut time) };
        time
    }

    /// Reads the wall clock, as a plugin does once for each request.
    pub fn look_at_clock() -> u64 {
        let mut time = 0;
        // SAFETY: the host writes eight bytes into `time`.
        unsafe { clock_time_get(0, 1, &raw mut time) };
        time
    }

    /// Whether the descriptor is open.
    pub fn is_open(fd: i32) -> bool {
        let mut status = [0; 3];
        // SAFETY: the host writes 24 bytes into `status`.
        unsafe { fd_fdstat_get(fd, &raw mut status) == 0 }
    }

    /// Closes the descriptor.
    pub fn close(fd: i32) {
        // SAFETY: no memory is involved.
        unsafe { fd_close(fd) };
    }

    /// Returns what the host resolves the numeric IPv4 address `name` to. Empty if the host refuses.
    pub fn resolve(name: &str) -> String {
        let mut data = [[0_u8; 26]; 2];
        let mut sockets = [[0_u32; 3]; 2];
        let mut infos = [[0_u32; 7]; 2];
        for ((socket, info), data) in sockets.iter_mut().zip(&mut infos).zip(&mut data) {
            *socket = [0, 26, data.as_mut_ptr().addr() as u32];
            info[3] = socket.as_mut_ptr().addr() as u32;
        }
        infos[0][6] = infos[1].as_mut_ptr().addr() as u32;
        // Stream socket, numeric service.
        let hints = [2 << 24 | 8, 0, 0, 0, 0, 0, 0];
        let mut head = &raw mut infos[0];
        let (service, mut count) = ("443", 0);
        // SAFETY: two linked entries, each with room for the 26 bytes of port and address that the host writes.
        let errno = unsafe {
            sock_getaddrinfo(
                name.as_ptr(),
                name.len(),
                service.as_ptr(),
                service.len(),
                &raw const hints,
                &raw mut head,
                2,
                &raw mut count,
            )
        };
        let [_, _, a, b, c, d, ..] = data[0];
        if errno == 0 && count > 0 {
            format!("{a}.{b}.{c}.{d}")
        } else {
            String::new()
        }
    }
}
