//! The interface of a plugin.

use crate::{ConfigError, Decision, RequestHead, ResponseHead, UnixTime};

/// A middleware: built once per instance, then asked about every request.
pub trait Middleware: Sized {
    /// The plugin's name in logs, for example `jwt`.
    const NAME: &'static str;

    /// What the plugin needs of its host beyond the request: a [`Host`](crate::Host), or a network.
    type Services;

    /// Builds the middleware from the bytes of its option block (JSON).
    ///
    /// # Errors
    /// [`ConfigError`] names the option and the cure. The caller then refuses every request. If a plugin did not start,
    /// Traefik would drop its router, and requests would fall through to a broader one.
    fn new(config: &[u8], services: Self::Services) -> Result<Self, ConfigError>;

    /// Does work ahead of the first request, such as fetching keys. It runs when Traefik builds the middleware, not in
    /// the instances that Traefik adds later, and must not fail.
    fn prepare(&mut self) {}

    /// Takes the place of `before`, after files that the configuration names have changed. Whatever `before` has
    /// fetched and is still valid need not be fetched again.
    fn take_over(&mut self, before: Self) {
        drop(before);
    }

    /// Decides about one request, which was taken up at `now`. A middleware that waits for something reads its own
    /// clock afterwards. After [`Middleware::take_over`] it may be asked about the same request again.
    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision;

    /// Sees the head of the answer to the request that [`Middleware::on_request`] forwarded last. An instance handles
    /// one request at a time, from its arrival to the end of its answer. The answer may already be on its way to the
    /// client, so it cannot be changed.
    fn on_response(&mut self, response: &dyn ResponseHead) {
        let _ = response;
    }
}
