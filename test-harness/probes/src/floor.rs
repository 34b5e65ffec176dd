//! The host calls that our plugins make for a warm request: a token that is known, fresh keys and a fresh token of the
//! gateway. Each method is one plugin's share. A guest that makes them and does nothing else is the floor below which
//! no plugin with these effects can come.
//!
//! Keep the calls the same as the plugins': their number and order, and the lengths of what is written.

use http_wasm_guest::host::{Request, Response, admin};
use http_wasm_guest::{Guest, register};

use crate::http::{
    Message, add_header, count_header, read_header, read_uri, remove_header, set_header, set_uri,
};
use crate::wasi::{look_at_clock, resolve};

/// Makes host calls for one request.
pub struct Floor {
    authorization: String,
    uri: String,
    replaced: String,
    on_request: fn(&Self),
    on_response: fn(),
}

impl Floor {
    /// Registers a guest that makes these calls for each request and for the head of its response. The options
    /// `authorization`, `uri` and `replaced` are the values that it writes.
    pub fn register(on_request: fn(&Self), on_response: fn()) {
        register(Self::new(on_request, on_response));
    }

    /// Like [`Floor::register`], for a guest with sockets: Traefik gives it another implementation of WASI, which also
    /// answers for the clock.
    pub fn register_with_sockets(on_request: fn(&Self), on_response: fn()) {
        let floor = Self::new(on_request, on_response);
        // The bench never sets this. Without a call, the linker would drop the import.
        if floor.uri == "resolve" {
            resolve("127.0.0.1");
        }
        register(floor);
    }

    fn new(on_request: fn(&Self), on_response: fn()) -> Self {
        let options: serde_json::Value = serde_json::from_slice(&admin::config()).unwrap_or_default();
        let option = |name| {
            let text = options.get(name).and_then(serde_json::Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            authorization: option("authorization"),
            uri: option("uri"),
            replaced: option("replaced"),
            on_request,
            on_response,
        }
    }

    /// `gateway`: one look at `Authorization`, the clock, the target and `Connection`, and three changes.
    pub fn gateway(&self) {
        read_header(Message::Request, "Authorization");
        look_at_clock();
        read_uri();
        read_header(Message::Request, "Connection");
        set_header("Authorization", &self.authorization);
        add_header("X-Replaced-Path", &self.replaced);
        set_uri(&self.uri);
    }

    /// `pathRewrite`: the target and `Connection`, and two changes.
    pub fn path_rewrite(&self) {
        read_uri();
        read_header(Message::Request, "Connection");
        add_header("X-Replaced-Path", &self.replaced);
        set_uri(&self.uri);
    }

    /// `jwt`: `Authorization` and the clock, and one change. It sets no header, so `Connection` does not matter.
    pub fn jwt(&self) {
        read_header(Message::Request, "Authorization");
        look_at_clock();
        remove_header("Authorization");
    }

    /// `oAuthClientCredentials`: the clock and `Connection`, and one change.
    pub fn oauth(&self) {
        look_at_clock();
        read_header(Message::Request, "Connection");
        set_header("Authorization", &self.authorization);
    }

    /// What `oAuthClientCredentials` and `gateway` do with the head of a response: they ask whether the backend wants
    /// another token.
    pub fn look_for_challenge() {
        count_header(Message::Response, "WWW-Authenticate");
    }

    /// The other plugins are entered for the head of a response and do nothing.
    pub fn look_at_nothing() {}
}

impl Guest for Floor {
    fn handle_request(&self, _: &Request, _: &Response) -> (bool, i32) {
        (self.on_request)(self);
        (true, 0)
    }

    fn handle_response(&self, _: i32, _: &Request, _: &Response, _: bool) {
        (self.on_response)();
    }
}
