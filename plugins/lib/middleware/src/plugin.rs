//! What a plugin is.

use crate::{ConfigError, Decision, RequestHead};

/// A middleware: built once per instance, then asked about every request.
pub trait Middleware: Sized {
    /// The plugin's name in logs, for example `jwt`.
    const NAME: &'static str;

    /// What the plugin needs of its host beyond the request: a [`Host`](crate::Host), or a network.
    type Services;

    /// Builds the middleware from the bytes of its option block (JSON).
    ///
    /// # Errors
    /// [`ConfigError`] names the field and the cure. The caller then refuses every request: a plugin that
    /// refused to start would lose its router, and Traefik would let requests fall through to a broader one.
    fn new(config: &[u8], services: Self::Services) -> Result<Self, ConfigError>;

    /// Work worth doing before the first request, such as fetching keys. Runs once, and must not fail.
    fn prepare(&mut self) {}

    /// Decides about one request.
    fn on_request(&mut self, request: &dyn RequestHead) -> Decision;
}
