//! Decides how often to ask the token endpoint (RFC 8628 section 3.5).

use std::time::Duration;

use super::DeviceCode;
use super::answer::{Outcome, Tokens};

/// Why the flow ended without tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The user denied the request.
    #[error("the request was denied in the browser; nothing has changed")]
    Denied,
    /// The user did not answer in time.
    #[error(
        "the code expired before anybody allowed the request; nothing has changed: run the command again"
    )]
    Expired,
    /// `pause` gave up.
    #[error("interrupted; nothing has changed")]
    Interrupted,
    /// The provider refused the request.
    #[error("the provider refuses: {0}; nothing has changed")]
    Refused(String),
    /// The provider could not be reached until the code expired.
    #[error(
        "the provider could not be reached until the code expired ({0}); nothing has changed: run the command again"
    )]
    Unreachable(String),
}

/// How much each `slow_down` adds to the interval, permanently.
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause while the provider is in trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asks until there is an answer. `pause` waits, and returns false to give up. `now` is a monotonic clock.
pub(super) fn poll(
    code: &DeviceCode,
    ask: &mut dyn FnMut() -> Outcome,
    pause: &mut dyn FnMut(Duration) -> bool,
    now: &dyn Fn() -> Duration,
) -> Result<Tokens, Ended> {
    let end = now().saturating_add(code.expires_in);
    let mut interval = code.interval;
    let mut in_trouble = interval;
    let mut wait = interval;
    let mut trouble = None;
    loop {
        if !pause(wait) {
            return Err(Ended::Interrupted);
        }
        if now() >= end {
            return Err(trouble.map_or(Ended::Expired, Ended::Unreachable));
        }
        let outcome = ask();
        if let Outcome::Trouble(what) = outcome {
            // Connections time out: wait twice as long each time.
            in_trouble = in_trouble.saturating_mul(2).min(LONGEST_PAUSE.max(interval));
            (wait, trouble) = (in_trouble, Some(what));
            continue;
        }
        match outcome {
            Outcome::Tokens(tokens) => return Ok(tokens),
            Outcome::SlowDown => interval = interval.saturating_add(SLOWER),
            Outcome::Denied => return Err(Ended::Denied),
            Outcome::Expired => return Err(Ended::Expired),
            Outcome::Refused(why) => return Err(Ended::Refused(why)),
            Outcome::Pending | Outcome::Trouble(_) => {}
        }
        (wait, in_trouble, trouble) = (interval, interval, None);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use http::Response;

    use super::*;

    /// Runs these outcomes, repeating the last one forever. Returns the result and the pauses in seconds.
    fn run(outcomes: Vec<fn() -> Outcome>, patience: usize) -> (Result<(), Ended>, Vec<u64>) {
        let body = r#"{"device_code":"d","user_code":"A","verification_uri":"u","expires_in":300}"#;
        let code = DeviceCode::read(&Response::new(body.as_bytes().to_vec())).unwrap();
        let (clock, pauses, asked) = (Cell::new(Duration::ZERO), RefCell::new(Vec::new()), Cell::new(0));
        let outcome = poll(
            &code,
            &mut || {
                let place = asked.get().min(outcomes.len() - 1);
                asked.set(asked.get() + 1);
                outcomes[place]()
            },
            &mut |span| {
                clock.set(clock.get() + span);
                pauses.borrow_mut().push(span.as_secs());
                pauses.borrow().len() <= patience
            },
            &|| clock.get(),
        );
        (outcome.map(drop), pauses.into_inner())
    }

    fn tokens() -> Outcome {
        Outcome::of(Ok(Response::new(br#"{"access_token":"a"}"#.to_vec())))
    }

    fn trouble() -> Outcome {
        Outcome::Trouble("status 503".to_owned())
    }

    #[test]
    fn it_asks_every_five_seconds_and_slower_for_good_when_told_so() {
        let (outcome, pauses) = run(
            vec![
                || Outcome::Pending,
                || Outcome::SlowDown,
                || Outcome::Pending,
                || Outcome::SlowDown,
                tokens,
            ],
            99,
        );
        assert_eq!((outcome, pauses), (Ok(()), vec![5, 5, 10, 10, 15]));
    }

    #[test]
    fn trouble_doubles_the_pause_until_there_is_an_answer_again() {
        let (outcome, pauses) = run(
            vec![
                trouble,
                trouble,
                trouble,
                trouble,
                trouble,
                || Outcome::Pending,
                tokens,
            ],
            99,
        );
        assert_eq!((outcome, pauses), (Ok(()), vec![5, 10, 20, 40, 60, 60, 5]));
    }

    #[test]
    fn every_end_has_its_name() {
        for (last, expected) in [
            ((|| Outcome::Denied) as fn() -> Outcome, Ended::Denied),
            (|| Outcome::Expired, Ended::Expired),
            (|| Outcome::Pending, Ended::Expired),
            (
                || Outcome::Refused("no".to_owned()),
                Ended::Refused("no".to_owned()),
            ),
            (trouble, Ended::Unreachable("status 503".to_owned())),
        ] {
            assert_eq!(run(vec![|| Outcome::Pending, last], 99).0, Err(expected));
        }
        assert_eq!(run(vec![|| Outcome::Pending], 3).0, Err(Ended::Interrupted));
    }
}
