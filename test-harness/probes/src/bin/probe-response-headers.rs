//! A guest that sets response headers before the backend is called, and passes the request on.

#[cfg(target_family = "wasm")]
fn main() {
    use http_wasm_guest::host::{Request, Response};
    use http_wasm_guest::{Guest, register};

    struct Probe;
    impl Guest for Probe {
        fn handle_request(&self, _: &Request, response: &Response) -> (bool, i32) {
            let header = &response.header;
            header.add(b"set-cookie", b"first=1");
            header.add(b"set-cookie", b"second=2");
            header.set(b"cache-control", b"no-store");
            (true, 0)
        }
    }
    register(Probe);
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
