//! One plugin instance.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_wasm_guest::host::{self, Request, Response, admin};
use http_wasm_guest::{Guest, register};
use middleware::{
    ConfigError, Decision, Edit, Event, Level, Middleware, Problem, Reason, Reply, RequestHead, ResponseHead,
    work,
};

/// How an instance starts.
pub struct Start<M: Middleware> {
    /// Makes what the middleware needs of its host.
    pub services: fn() -> M::Services,
    /// Gives back what a trap left in this instance's hands.
    pub recover: fn(),
    /// True to build the middleware right away. False for an instance that starts while others run: a trap then
    /// would make Traefik close them all, so it builds the middleware when its first request comes.
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
        state: Cell::new(None),
    };
    if eager {
        let mut state = shell.build(None);
        if let State::Ready(middleware) = &mut state {
            middleware.prepare();
        }
        shell.state.set(Some(state));
    }
    register(shell);
}

/// Writes `event` to Traefik's log.
pub fn log(event: &Event) {
    // The host's numbers: debug is below zero, Traefik's Info.
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
    /// `None` while a request is being looked at, and after a trap.
    state: Cell<Option<State<M>>>,
}

enum State<M> {
    Ready(M),
    /// The configuration cannot be used. Looked at again after a while: a secret may have been put in place.
    Refusing {
        error: ConfigError,
        until: Duration,
    },
}

/// How often an unusable configuration is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl<M: Middleware> Shell<M> {
    fn build(&self, known: Option<&ConfigError>) -> State<M> {
        match M::new(&admin::config(), (self.start.services)()) {
            Ok(middleware) => State::Ready(middleware),
            Err(error) => {
                if known != Some(&error) {
                    log(&Event::error("configuration.refused")
                        .field("plugin", M::NAME)
                        .field("option", error.field())
                        .field("problem", &error)
                        .field("effect", "every request is refused until this is mended"));
                }
                State::Refusing {
                    error,
                    until: since_epoch().saturating_add(LOOK_AGAIN),
                }
            }
        }
    }
}

impl<M: Middleware> Guest for Shell<M> {
    fn handle_request(&self, request: &Request, response: &Response) -> (bool, i32) {
        (self.start.recover)();
        trap::arm(M::NAME, || request.header.get(b"trap"));
        trap::point("before-taking-out");
        let mut state = match self.state.take() {
            Some(State::Refusing { error, until }) if until <= since_epoch() => self.build(Some(&error)),
            Some(state) => state,
            None => self.build(None),
        };
        trap::point("taken-out");
        let decision = match &mut state {
            State::Ready(middleware) => middleware.on_request(&Head(request)),
            State::Refusing { .. } => Problem::new(Reason::Configuration).into(),
        };
        self.state.set(Some(state));
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

    fn handle_response(&self, _: i32, _: &Request, response: &Response, is_error: bool) {
        (self.start.recover)();
        let Some(mut state) = self.state.take() else {
            return;
        };
        trap::point("answer-taken-out");
        if let State::Ready(middleware) = &mut state
            && !is_error
        {
            middleware.on_response(&Answer(response));
        }
        self.state.set(Some(state));
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

fn answer(reply: &Reply, response: &Response) {
    for (name, value) in &reply.headers {
        response.header.set(name.as_bytes(), value.as_bytes());
    }
    // The status goes out at once, so it comes after the headers.
    response.set_status(i32::from(reply.status));
    response.body.write(&reply.body);
}

#[allow(clippy::disallowed_methods)] // only to space out attempts to read the configuration again
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What making and dropping a buffer takes, in units of [`work`].
const PER_BUFFER: usize = 20;

struct Head<'r>(&'r Request);

impl RequestHead for Head<'_> {
    fn method(&self) -> Bytes {
        self.0.method()
    }

    fn uri(&self) -> Bytes {
        self.0.uri()
    }

    fn header(&self, name: &str) -> Vec<Bytes> {
        let values = self.0.header.values(name.as_bytes());
        work(values.iter().map(|value| PER_BUFFER + value.len() / 4).sum());
        values
    }

    fn header_names(&self) -> Vec<Bytes> {
        let names = self.0.header.names();
        work(PER_BUFFER * names.len());
        names
    }

    /// The host hands a body out once, so what was read is written back at once. It then goes on in chunks, whatever
    /// length it was announced with.
    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for chunk in self.0.body.read_iter() {
            if body.len() + chunk.len() > limit {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        self.0.body.write(&body);
        Some(body)
    }
}

struct Answer<'r>(&'r Response);

impl ResponseHead for Answer<'_> {
    fn header(&self, name: &str) -> Vec<Bytes> {
        self.0.header.values(name.as_bytes())
    }
}
