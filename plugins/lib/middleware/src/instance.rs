//! One instance of a middleware, from its configuration to its decisions.
//!
//! * With an unusable configuration the instance refuses every request, and tries the configuration again every
//!   [`LOOK_AGAIN`].
//! * Files that the configuration names may change while Traefik runs. While requests arrive, the instance checks the
//!   files every [`LOOK_EVERY`] without opening them. If a file has changed, the instance builds the middleware anew
//!   within the same request. After a refusal it checks the files at once, and decides the request again if one has
//!   changed, so a secret that was replaced a moment ago does not fail a request.
//! * If the new content is unusable, the old middleware stays in use, but for [`GRACE`] at most. Instances that Traefik
//!   starts in the meantime do not know the old content and refuse, so a longer time would make the answer a matter of
//!   luck.

use std::time::Duration;

use crate::{ConfigError, Decision, Event, Middleware, Problem, Reason, RequestHead, ResponseHead, UnixTime};

/// How often an unusable configuration is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often files are checked while requests arrive.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the old middleware stays in use if the new content of a file is unusable.
const GRACE: Duration = Duration::from_secs(30);
/// The least time between two checks that callers can cause, or that read files.
const LOOK_AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What an instance needs from its environment.
pub trait Surroundings<M> {
    /// Builds the middleware from its configuration. With `hurry` a request is waiting that can do without the result.
    ///
    /// # Errors
    /// Names the option.
    fn build(&self, hurry: bool) -> Result<M, ConfigError>;

    /// Whether the configuration that was built last names files.
    fn has_files(&self) -> bool;

    /// Whether one of them has changed since.
    fn files_have_changed(&self) -> bool;

    /// The time.
    fn now(&self) -> UnixTime;

    /// Writes to the log.
    fn log(&self, event: &Event);
}

/// A middleware, or the state of refusing everything.
pub struct Instance<M> {
    state: State<M>,
    /// When the files were last checked.
    looked: Option<UnixTime>,
}

enum State<M> {
    /// `Some` while a file has changed but could not be read, or not be used.
    Ready(M, Option<Outdated>),
    Refusing {
        error: ConfigError,
        until: UnixTime,
    },
}

#[derive(Default)]
struct Outdated {
    /// What is wrong with the new content, and since when that has been known. `None` while the host is busy.
    problem: Option<(ConfigError, UnixTime)>,
}

impl<M: Middleware> Instance<M> {
    /// Builds the middleware.
    pub fn new(around: &dyn Surroundings<M>) -> Self {
        Self {
            state: build(around, None),
            looked: None,
        }
    }

    /// Does work ahead of the first request: see [`Middleware::prepare`].
    pub fn prepare(&mut self) {
        if let State::Ready(middleware, _) = &mut self.state {
            middleware.prepare();
        }
    }

    /// Decides about a request.
    pub fn on_request(&mut self, request: &dyn RequestHead, around: &dyn Surroundings<M>) -> Decision {
        let mut now = around.now();
        if let State::Refusing { error, until } = &self.state
            && *until <= now
        {
            self.state = build(around, Some(error));
            now = around.now();
        }
        if self.renew(LOOK_EVERY, now, around) {
            now = around.now();
        }
        let decision = self.decide(request, now);
        match &decision {
            Decision::Forward(_) => decision,
            Decision::Reply(reply) => self.reconsider(reply.status, request, around).unwrap_or(decision),
        }
    }

    /// Decides about a refused request again, if a file has changed.
    #[cold]
    fn reconsider(
        &mut self,
        status: u16,
        request: &dyn RequestHead,
        around: &dyn Surroundings<M>,
    ) -> Option<Decision> {
        let pause = match status >= 500 {
            true => Duration::ZERO,
            false => LOOK_AFTER_REFUSAL,
        };
        let now = around.now();
        self.renew(pause, now, around)
            .then(|| self.decide(request, around.now()))
    }

    /// See [`Middleware::on_response`].
    pub fn on_response(&mut self, response: &dyn ResponseHead) {
        if let State::Ready(middleware, _) = &mut self.state {
            middleware.on_response(response);
        }
    }

    fn decide(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        match &mut self.state {
            State::Ready(middleware, _) => middleware.on_request(request, now).unless_undone(request),
            State::Refusing { .. } => Problem::new(Reason::Configuration).into(),
        }
    }

    /// Builds the middleware anew if a file has changed, but checks no sooner than `pause` after the last check. True
    /// if the decision about a request may be different now.
    fn renew(&mut self, pause: Duration, now: UnixTime, around: &dyn Surroundings<M>) -> bool {
        let State::Ready(_, outdated) = &self.state else {
            return false;
        };
        let is_outdated = outdated.is_some();
        let pause = if is_outdated {
            pause.max(LOOK_AFTER_REFUSAL)
        } else {
            pause
        };
        // If the last check is in the future, the clock was set back.
        let is_early = |last: UnixTime| last <= now && now.since(last) < pause;
        if self.looked.is_some_and(is_early) {
            return false;
        }
        self.looked = Some(now);
        if !is_outdated && !(around.has_files() && around.files_have_changed()) {
            return false;
        }
        self.rebuild(now, around)
    }

    #[cold]
    fn rebuild(&mut self, now: UnixTime, around: &dyn Surroundings<M>) -> bool {
        match around.build(true) {
            Ok(middleware) => {
                around.log(&Event::info("configuration.reread").field("plugin", M::NAME));
                let old = std::mem::replace(&mut self.state, State::Ready(middleware, None));
                if let (State::Ready(middleware, _), State::Ready(old, _)) = (&mut self.state, old) {
                    middleware.take_over(old);
                }
                true
            }
            Err(error) => self.put_up_with(error, now, around),
        }
    }

    /// Handles a file whose new content is unusable. True if the old content has been in use for long enough.
    fn put_up_with(&mut self, error: ConfigError, now: UnixTime, around: &dyn Surroundings<M>) -> bool {
        let State::Ready(_, outdated) = &mut self.state else {
            return false;
        };
        let outdated = outdated.get_or_insert_default();
        if error.is_passing() {
            return false;
        }
        let known = outdated.problem.take();
        let is_known = known.as_ref().is_some_and(|(known, _)| *known == error);
        let since = known.map_or(now, |(_, since)| since.min(now));
        if now.since(since) >= GRACE {
            self.state = refusing(error, None, around);
            return true;
        }
        if !is_known {
            around.log(
                &Event::warn("configuration.not_reread")
                    .field("plugin", M::NAME)
                    .field("option", error.field())
                    .field("problem", &error)
                    .field(
                        "effect",
                        format_args!(
                            "the old content is used for {} seconds at most; then every request is refused",
                            GRACE.as_secs()
                        ),
                    ),
            );
        }
        outdated.problem = Some((error, since));
        false
    }
}

fn build<M: Middleware>(around: &dyn Surroundings<M>, known: Option<&ConfigError>) -> State<M> {
    match around.build(false) {
        Ok(middleware) => State::Ready(middleware, None),
        Err(error) => refusing(error, known, around),
    }
}

fn refusing<M: Middleware>(
    error: ConfigError,
    known: Option<&ConfigError>,
    around: &dyn Surroundings<M>,
) -> State<M> {
    if known != Some(&error) {
        around.log(
            &Event::error("configuration.refused")
                .field("plugin", M::NAME)
                .field("option", error.field())
                .field("problem", &error)
                .field("effect", "every request is refused until this is mended"),
        );
    }
    State::Refusing {
        until: around.now().plus(LOOK_AGAIN),
        error,
    }
}

#[cfg(test)]
mod tests;
