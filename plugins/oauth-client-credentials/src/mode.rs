//! Whose token is used for a request: the gateway's own, the caller's, or a user's.
//!
//! The options decide this once, when the middleware is built. Each mode has its own file and does not depend on the
//! others.

use std::rc::Rc;
use std::time::Duration;

use middleware::{ConfigError, Problem, RequestHead, UnixTime, config::given};
use oauth::AccessToken;

use crate::callers::Callers;
use crate::config::Options;
use crate::own::Own;
use crate::services::Services;
use crate::user::User;

/// Whose token is used.
pub(crate) enum Mode {
    /// The gateway's own client, with the client credentials grant.
    Own(Own),
    /// Clients that callers bring, with the client credentials grant and the caller's ID and secret.
    Callers(Box<Callers>),
    /// A user who has logged in, with the refresh token grant.
    User(User),
}

impl Mode {
    /// Reads the options.
    pub(crate) fn new(options: &Options, services: Services) -> Result<Self, ConfigError> {
        let client = [&options.client_id, &options.client_secret];
        let has_client = client.into_iter().any(|it| given(it.as_ref()).is_some());
        match options.grant.as_deref() {
            Some("refreshToken") => {
                options.check_without_callers()?;
                User::new(options, services).map(Self::User)
            }
            _ if !has_client => Callers::new(options, services).map(|it| Self::Callers(Box::new(it))),
            None | Some("" | "clientCredentials") => {
                options.check_without_callers()?;
                Own::new(options, services).map(Self::Own)
            }
            Some(_) => Err(ConfigError::new(
                "grant",
                "must be clientCredentials or refreshToken",
            )),
        }
    }

    /// Fetches a token before the first request needs it. Callers' clients are not known in advance.
    pub(crate) fn prefetch(&mut self) {
        match self {
            Self::Own(own) => own.token.prefetch(),
            Self::User(user) => user.token.prefetch(),
            Self::Callers(_) => {}
        }
    }

    /// Takes over from `before`, after configuration files have changed. A user's token is not taken over: after a
    /// login with another key it may belong to another user.
    pub(crate) fn take_over(&mut self, before: Self) {
        match (self, before) {
            (Self::Own(own), Self::Own(before)) => own.take_over(&before),
            (Self::Callers(callers), Self::Callers(before)) => callers.take_over(*before),
            _ => {}
        }
    }

    /// Returns the token for `request`.
    ///
    /// # Errors
    /// The answer to the caller.
    pub(crate) fn get(
        &mut self,
        request: &dyn RequestHead,
        now: UnixTime,
    ) -> Result<Rc<AccessToken>, Problem> {
        match self {
            Self::Own(own) => own.token.get(now).map_err(Problem::from),
            Self::User(user) => user.token.get(now).map_err(Problem::from),
            Self::Callers(callers) => callers.get(request, now),
        }
    }

    /// Drops the token `seen` of the last request, because the backend did not accept it. Does this at most once per
    /// `interval`.
    pub(crate) fn discard(&mut self, seen: &Rc<AccessToken>, interval: Duration) {
        match self {
            Self::Own(own) => drop(own.token.discard(seen, interval)),
            Self::User(user) => drop(user.token.discard(seen, interval)),
            Self::Callers(callers) => callers.discard(seen, interval),
        }
    }
}
