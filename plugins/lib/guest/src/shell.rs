//! One plugin instance.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use http_wasm_guest::host::{self, Request, Response, admin};
use http_wasm_guest::{Guest, register};
use middleware::{
    ConfigError, Decision, Edit, Event, FileWatch, Instance, Level, Middleware, Reply, Surroundings, UnixTime,
};

use crate::head::{Answer, BUFFER, Head};

/// How an instance starts.
pub struct Start<M: Middleware> {
    /// Makes the services that the middleware needs from its host.
    pub services: fn() -> M::Services,
    /// How to watch the files that the configuration names.
    pub files: FileWatch,
    /// Releases what this instance held when it trapped.
    pub recover: fn(),
    /// True to build the middleware right away. False for an instance that starts while others run: a trap at that time
    /// would make Traefik close them all, so such an instance builds the middleware at its first request.
    pub eager: bool,
}

/// Serves requests with the middleware `M`. Call it from `main`, once.
pub fn serve<M: Middleware + 'static>(start: Start<M>) {
    let recover = start.recover;
    std::panic::set_hook(Box::new(move |panic| {
        recover();
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
        let message = panic.payload_as_str().unwrap_or("no message");
        // Not to descriptor 2, as the default hook does: writing there is not safe while others run.
        log(&Event::error("plugin.panicked")
            .field("place", place)
            .field("message", message));
    }));
    let eager = start.eager;
    let shell = Shell {
        start,
        instance: Cell::new(None),
        buffer: Cell::default(),
    };
    if eager {
        for warning in middleware::config::placeholder_warnings(&admin::config()) {
            log(&warning);
        }
        let mut instance = Box::new(Instance::new(&shell.start));
        instance.prepare();
        shell.instance.set(Some(instance));
    }
    register(shell);
}

/// Writes `event` to Traefik's log.
pub fn log(event: &Event) {
    // The level numbers of http-wasm.
    let level = match event.level() {
        Level::Debug => -1,
        Level::Info => 0,
        Level::Warn => 1,
        Level::Error => 2,
    };
    host::log::write(level, event.line().as_bytes());
}

struct Shell<M: Middleware> {
    start: Start<M>,
    /// `None` while a request is decided, and after a trap. It is large, so it is not moved for each request.
    instance: Cell<Option<Box<Instance<M>>>>,
    /// What requests are read into. Empty while a request is decided, and after a trap.
    buffer: Cell<Box<[u8]>>,
}

impl<M: Middleware> Surroundings<M> for Start<M> {
    fn build(&self, hurry: bool) -> Result<M, ConfigError> {
        (self.files.begin)(hurry);
        let built = M::new(&admin::config(), (self.services)());
        (self.files.end)();
        built
    }

    fn has_files(&self) -> bool {
        (self.files.any)()
    }

    fn files_have_changed(&self) -> bool {
        (self.files.have_changed)()
    }

    #[allow(clippy::disallowed_methods)] // only to space out looks at the configuration
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::EPOCH.plus(since)
    }

    fn log(&self, event: &Event) {
        log(event);
    }
}

impl<M: Middleware> Guest for Shell<M> {
    fn handle_request(&self, request: &Request, response: &Response) -> (bool, i32) {
        (self.start.recover)();
        trap::arm(M::NAME, || request.header.get(b"trap"));
        trap::point("before-taking-out");
        let mut instance = self
            .instance
            .take()
            .unwrap_or_else(|| Box::new(Instance::new(&self.start)));
        let mut buffer = self.buffer.take();
        if buffer.is_empty() {
            buffer = vec![0; BUFFER].into();
        }
        trap::point("taken-out");
        let decision = instance.on_request(&Head::new(request, &mut buffer), &self.start);
        self.buffer.set(buffer);
        self.instance.set(Some(instance));
        match decision {
            Decision::Forward(edits) => {
                for edit in edits.iter() {
                    apply(edit, request);
                }
                (true, 0)
            }
            Decision::Reply(reply) => {
                answer(&reply, response);
                (false, 0)
            }
        }
    }

    fn handle_response(&self, _: i32, _: &Request, _: &Response, is_error: bool) {
        let Some(mut instance) = self.instance.take() else {
            return;
        };
        trap::point("answer-taken-out");
        if !is_error {
            instance.on_response(&Answer);
        }
        self.instance.set(Some(instance));
    }
}

fn apply(edit: &Edit, request: &Request) {
    match edit {
        Edit::SetHeader(name, value) => request.header.set(name.as_bytes(), value.as_bytes()),
        Edit::AddHeader(name, value) => request.header.add(name.as_bytes(), value.as_bytes()),
        Edit::RemoveHeader(name) => request.header.remove(name.as_bytes()),
        Edit::SetUri(uri) => request.set_uri(uri.as_bytes()),
    }
}

#[cold]
fn answer(reply: &Reply, response: &Response) {
    for (name, value) in &reply.headers {
        response.header.set(name.as_bytes(), value.as_bytes());
    }
    // The host sends the status at once, so the headers are set first.
    response.set_status(i32::from(reply.status));
    response.body.write(&reply.body);
}
