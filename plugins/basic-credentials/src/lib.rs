//! `basicCredentials`: controls the name and password that Oracle Integration receives.
//!
//! There are two modes:
//!
//! * Without `username`, callers bring their own name and password. These are forwarded unchanged, and the backend
//!   checks them. All other requests are refused.
//! * With `username` and `password`, these are added to the requests of callers with one of `apiKeys`, or of all
//!   callers (`allowAnonymous`). `onCallerCredentials` says what happens to credentials that a caller brings
//!   nevertheless.
//!
//! Rules:
//!
//! 1. A wrong API key is refused, whatever else the caller brings.
//! 2. The backend never receives an API key.
//! 3. In `Authorization`, the backend receives either the stored pair or one pair from the caller (RFC 7617), and
//!    nothing else.
//!
//! This crate does not check callers' passwords: only the backend can.
#![forbid(unsafe_code)]

mod api_keys;
mod config;

use std::rc::Rc;

use credentials::{Basic, NoBasic, challenge};
use middleware::{
    ConfigError, Decision, Edits, Event, Host, Middleware, Problem, Reason, RequestHead, UnixTime,
};

use api_keys::Judgement;
pub use config::Options;
use config::{OnCallerCredentials, Stored};

/// The middleware.
pub struct BasicCredentials {
    /// The stored user. `None` if callers bring their own credentials.
    stored: Option<Stored>,
    host: Rc<dyn Host>,
}

impl Middleware for BasicCredentials {
    const NAME: &'static str = "basicCredentials";

    type Services = Rc<dyn Host>;

    fn new(config: &[u8], host: Self::Services) -> Result<Self, ConfigError> {
        let options: Options = middleware::config::parse(config)?;
        let stored = options.check(&*host)?;
        Ok(Self { stored, host })
    }

    fn on_request(&mut self, request: &dyn RequestHead, _: UnixTime) -> Decision {
        let decided = match &self.stored {
            None => pass_own(request),
            Some(stored) => put_in(stored, request),
        };
        match decided {
            Ok(edits) => Decision::Forward(edits),
            Err(refusal) => self.refuse(refusal),
        }
    }
}

impl BasicCredentials {
    #[cold]
    fn refuse(&self, refusal: Refusal) -> Decision {
        let event = Event::debug("basic.refused").field("reason", refusal.code());
        self.host.log(&event);
        refusal.problem(self.stored.as_ref()).into()
    }
}

fn pass_own(request: &dyn RequestHead) -> Result<Edits, Refusal> {
    match Basic::read(&request.header("Authorization")) {
        Ok(_) => Ok(Edits::none()),
        Err(NoBasic::Missing | NoBasic::OtherScheme) => Err(Refusal::NoCredentials),
        Err(NoBasic::Malformed) => Err(Refusal::Malformed),
    }
}

fn put_in(stored: &Stored, request: &dyn RequestHead) -> Result<Edits, Refusal> {
    let judgement = stored.api_keys.as_ref().map(|keys| keys.judge(request));
    if judgement == Some(Judgement::Wrong) {
        return Err(Refusal::WrongKey);
    }
    let edits = match &stored.api_keys {
        Some(keys) => Edits::none().remove_header(keys.header()),
        None => Edits::none(),
    };
    if stored.on_caller_credentials != OnCallerCredentials::Replace {
        let pass = stored.on_caller_credentials == OnCallerCredentials::PassThrough;
        match Basic::read(&request.header("Authorization")) {
            Err(NoBasic::Missing) => {}
            Err(NoBasic::Malformed) => return Err(Refusal::Malformed),
            Ok(_) if pass => return Ok(edits),
            Ok(_) | Err(NoBasic::OtherScheme) => return Err(Refusal::OwnCredentials),
        }
    }
    match judgement {
        Some(Judgement::Missing) => Err(Refusal::NoCredentials),
        _ => Ok(edits.set_header("Authorization", &stored.authorization)),
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The request has no credentials.
    NoCredentials,
    /// The API key is wrong.
    WrongKey,
    /// The caller brings credentials that `onCallerCredentials` does not allow.
    OwnCredentials,
    /// There are several `Authorization` headers, or one that cannot be read.
    Malformed,
}

impl Refusal {
    const fn code(self) -> &'static str {
        match self {
            Self::NoCredentials => "missing_credentials",
            Self::WrongKey => "wrong_key",
            Self::OwnCredentials => "own_credentials",
            Self::Malformed => "malformed_authorization",
        }
    }

    fn problem(self, stored: Option<&Stored>) -> Problem {
        let reason = match self {
            Self::NoCredentials => Reason::MissingCredentials,
            Self::WrongKey => Reason::InvalidCredentials,
            Self::OwnCredentials | Self::Malformed => return Problem::new(Reason::InvalidRequest),
        };
        Problem::new(reason).challenge(match stored.and_then(|stored| stored.api_keys.as_ref()) {
            Some(keys) => keys.challenge(),
            None => challenge::BASIC.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
