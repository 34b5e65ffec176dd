//! Which answers a request may get. The rules, for a request sent at `sent` and answered at `received`:
//!
//! 1. The answer that a request deserves is known before it is sent: its own echo for a good request, and a status and
//!    reason for every other. The request gets that answer unless one of the exceptions below applies.
//! 2. A token of a new signing key may be refused (401) if the request was sent within the refetch interval after the
//!    rotation, because the gateway may have fetched keys right before it. After that it must be accepted.
//! 3. A token of a retired key may be refused (401) from the rotation on. It must be refused from [`LOOK`] after the
//!    gateway first accepted a token of a later key: by then every instance has the new keys.
//! 4. While the identity provider fails, and until [`RECOVERY`] after, a request that needs it may get 503: a good
//!    request once the gateway's last token may be unusable, a token of a key that the gateway does not know, and a
//!    forged token (its key might be new). Once that last token has expired, a good request must get 503. A token that
//!    the known keys verify is never refused as invalid.
//! 5. While OIC fails, a good request may get its 500.
//! 6. While Traefik is down, a request may get no answer, or 404 before the routers are ready. Until [`KILL_RECOVERY`]
//!    after, a request that needs the provider may get 503, because the killed process may have held a lease.
//!
//! A reload of the configuration never explains a deviation.

use std::time::Duration;

use super::disturbance::Disturbance;
use super::limits::{KILL_RECOVERY, LOOK, RECOVERY, REFETCH_INTERVAL, SLACK};
use super::timeline::{Facts, Span, TokenLife, Window};

/// The properties of a request that determine its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A good request. The key of this generation signed its token.
    Good(usize),
    /// A genuine token that lacks the required scope.
    LacksScope(usize),
    /// A token signed by a key that the provider never had.
    Forged,
    /// A token that is invalid because of its claims or form, regardless of the keys.
    Unacceptable,
    /// No token.
    NoToken,
    /// A path that must not be passed on, with a good token.
    BadPath,
}

/// An answer, reduced to what the rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 with the exact echo of the request, sent with the gateway's own identity.
    Echo,
    /// 200 with any other body. Says what is wrong.
    WrongEcho(String),
    /// Any other status, and the reason code if the refusal is the gateway's.
    Status(u16, Option<String>),
    /// No complete answer. Says why.
    Nothing(String),
}

/// The verdict on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What the request deserves.
    Right,
    /// Less than the request deserves, but a disturbance explains it.
    Explained,
    /// An answer that this request must not get.
    Wrong,
    /// No answer, and no disturbance explains it.
    Missing,
}

/// An answer that the rules allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    Echo,
    Refusal(u16, &'static str),
    /// A status from Traefik or OIC, without a reason code.
    Foreign(u16),
    Nothing,
}

const MISSING_TOKEN: Allowed = Allowed::Refusal(401, "missing_token");
const INVALID_TOKEN: Allowed = Allowed::Refusal(401, "invalid_token");
const INSUFFICIENT_SCOPE: Allowed = Allowed::Refusal(403, "insufficient_scope");
const INVALID_PATH: Allowed = Allowed::Refusal(400, "invalid_path");
const PROVIDER_UNAVAILABLE: Allowed = Allowed::Refusal(503, "identity_provider_unavailable");
const OVERLOADED: Allowed = Allowed::Refusal(503, "overloaded");

impl Kind {
    /// Judges an answer by the events of the run.
    pub(super) fn judge(self, answer: &Answer, span: Span, facts: &Facts) -> Verdict {
        let allowed = self.allowed(span, facts);
        match (allowed.iter().any(|allowed| allowed.covers(answer)), answer) {
            (true, answer)
                if self
                    .deserved(span, facts)
                    .iter()
                    .any(|deserved| deserved.covers(answer)) =>
            {
                Verdict::Right
            }
            (true, _) => Verdict::Explained,
            (false, Answer::Nothing(_)) => Verdict::Missing,
            (false, _) => Verdict::Wrong,
        }
    }

    /// Rule 1, without exceptions. A token of a retired key deserves a refusal as much as an answer.
    fn deserved(self, span: Span, facts: &Facts) -> Vec<Allowed> {
        let by_key = |generation, deserved| {
            let retired = facts
                .key(generation)
                .retired_at
                .is_some_and(|at| at <= span.received);
            if retired {
                vec![deserved, INVALID_TOKEN]
            } else {
                vec![deserved]
            }
        };
        match self {
            Self::Good(generation) => by_key(generation, Allowed::Echo),
            Self::LacksScope(generation) => by_key(generation, INSUFFICIENT_SCOPE),
            Self::Forged | Self::Unacceptable => vec![INVALID_TOKEN],
            Self::NoToken => vec![MISSING_TOKEN],
            Self::BadPath => vec![INVALID_PATH],
        }
    }

    fn allowed(self, span: Span, facts: &Facts) -> Vec<Allowed> {
        let troubles = Troubles::of(span, facts);
        let mut allowed = match self {
            Self::Good(generation) => {
                let mut served = Vec::new();
                if !troubles.token_is_dead {
                    served.push(Allowed::Echo);
                }
                if troubles.token_may_be_out {
                    served.extend([PROVIDER_UNAVAILABLE, OVERLOADED]);
                }
                if troubles.backend_fails {
                    served.push(Allowed::Foreign(500));
                }
                by_key(generation, served, &troubles, span, facts)
            }
            Self::LacksScope(generation) => {
                by_key(generation, vec![INSUFFICIENT_SCOPE], &troubles, span, facts)
            }
            Self::Forged => refused_by_key(&troubles),
            Self::Unacceptable | Self::NoToken | Self::BadPath => self.deserved(span, facts),
        };
        if troubles.traefik_is_down {
            allowed.extend([Allowed::Nothing, Allowed::Foreign(404)]);
        }
        allowed
    }
}

/// Rules 2 and 3: `served` if the gateway may know the key, a refusal if it may not.
fn by_key(
    generation: usize,
    served: Vec<Allowed>,
    troubles: &Troubles,
    span: Span,
    facts: &Facts,
) -> Vec<Allowed> {
    let key = facts.key(generation);
    let mut allowed = Vec::new();
    let may_be_known = key.replaced_at.is_none_or(|at| span.sent <= at + LOOK + SLACK);
    if may_be_known {
        allowed.extend(served);
    }
    let too_new = key
        .current_since
        .is_some_and(|at| span.sent <= at + REFETCH_INTERVAL + SLACK);
    let retired = key.retired_at.is_some_and(|at| at <= span.received);
    if too_new || retired {
        allowed.extend(refused_by_key(troubles));
    }
    allowed
}

/// Answers to a token whose key the gateway does not know. The gateway asks for newer keys if it may.
fn refused_by_key(troubles: &Troubles) -> Vec<Allowed> {
    let mut allowed = vec![INVALID_TOKEN];
    if troubles.provider_may_fail {
        allowed.extend([PROVIDER_UNAVAILABLE, OVERLOADED]);
    }
    allowed
}

/// The troubles that a request may have met.
#[derive(Clone, Copy, Debug, Default)]
struct Troubles {
    provider_may_fail: bool,
    token_may_be_out: bool,
    token_is_dead: bool,
    backend_fails: bool,
    traefik_is_down: bool,
}

impl Troubles {
    fn of(span: Span, facts: &Facts) -> Self {
        let mut troubles = Self::default();
        for window in facts.met(span, RECOVERY) {
            if let Disturbance::ProviderFails(..) = window.what {
                let out_for_sure = |life: TokenLife| {
                    span.sent > life.dead_from + SLACK
                        && window.until.is_none_or(|until| span.received < until)
                };
                troubles.provider_may_fail = true;
                troubles.token_may_be_out |=
                    window.token.is_none_or(|life| span.received >= life.usable_until);
                troubles.token_is_dead |= window.token.is_some_and(out_for_sure);
            }
        }
        let met =
            |what: &Disturbance, after| facts.met(span, after).any(|window: &Window| window.what == *what);
        troubles.backend_fails = met(&Disturbance::BackendFails, Duration::ZERO);
        troubles.traefik_is_down = met(&Disturbance::Kill, SLACK);
        if met(&Disturbance::Kill, KILL_RECOVERY) {
            troubles.provider_may_fail = true;
            troubles.token_may_be_out = true;
        }
        troubles
    }
}

impl Allowed {
    fn covers(self, answer: &Answer) -> bool {
        match (self, answer) {
            (Self::Echo, Answer::Echo) | (Self::Nothing, Answer::Nothing(_)) => true,
            (Self::Refusal(status, reason), Answer::Status(known, Some(code))) => {
                status == *known && reason == code
            }
            (Self::Foreign(status), Answer::Status(known, None)) => status == *known,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Explained, Missing, Right, Wrong};
    use super::*;
    use crate::soak::timeline::Rotation;
    use harness::faults::Fault;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn span(sent: u64) -> Span {
        Span {
            sent: ms(sent),
            received: ms(sent + 10),
        }
    }

    fn refusal(status: u16, reason: &str) -> Answer {
        Answer::Status(status, Some(reason.to_owned()))
    }

    fn invalid_token() -> Answer {
        refusal(401, "invalid_token")
    }

    fn unavailable() -> Answer {
        refusal(503, "identity_provider_unavailable")
    }

    fn window(what: Disturbance, from: u64, until: Option<u64>) -> Window {
        Window {
            what,
            from: ms(from),
            until: until.map(ms),
            token: None,
            served_again: None,
        }
    }

    fn with_window(window: Window) -> Facts {
        Facts {
            windows: vec![window],
            rotations: Vec::new(),
        }
    }

    fn check(facts: &Facts, table: &[(Kind, Answer, u64, Verdict)]) {
        for (kind, answer, sent, expected) in table {
            let verdict = kind.judge(answer, span(*sent), facts);
            assert_eq!(verdict, *expected, "{kind:?} sent at {sent} ms got {answer:?}");
        }
    }

    #[test]
    fn on_a_quiet_day_everybody_gets_what_he_deserves() {
        let kinds = [
            (Kind::Good(0), Answer::Echo),
            (Kind::LacksScope(0), refusal(403, "insufficient_scope")),
            (Kind::Forged, invalid_token()),
            (Kind::Unacceptable, invalid_token()),
            (Kind::NoToken, refusal(401, "missing_token")),
            (Kind::BadPath, refusal(400, "invalid_path")),
        ];
        let others = [
            Answer::WrongEcho("another's".to_owned()),
            Answer::Status(401, None),
            Answer::Status(404, None),
            Answer::Status(500, None),
            refusal(500, "internal"),
            refusal(502, "identity_provider_refused"),
            refusal(503, "overloaded"),
            unavailable(),
        ];
        for (kind, deserved) in &kinds {
            for (_, answer) in &kinds {
                let right = answer == deserved;
                let verdict = kind.judge(answer, span(0), &Facts::default());
                assert_eq!(verdict, if right { Right } else { Wrong }, "{kind:?} {answer:?}");
            }
            for answer in &others {
                let verdict = kind.judge(answer, span(0), &Facts::default());
                assert_eq!(verdict, Wrong, "{kind:?} {answer:?}");
            }
            let nothing = Answer::Nothing("reset".to_owned());
            assert_eq!(
                kind.judge(&nothing, span(0), &Facts::default()),
                Missing,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn around_a_rotation_both_keys_have_their_time() {
        let rotated = |adopted: Option<u64>| Facts {
            windows: Vec::new(),
            rotations: vec![Rotation {
                from: ms(10_000),
                until: ms(10_020),
                adopted: adopted.map(ms),
            }],
        };
        let (old, new) = (Kind::Good(0), Kind::Good(1));
        check(
            &rotated(None),
            &[
                (old, invalid_token(), 9_900, Wrong),
                (old, Answer::Echo, 9_900, Right),
                (old, invalid_token(), 9_995, Right), // the answer came after the rotation
                (old, Answer::Echo, 11_000, Right),
                (old, invalid_token(), 11_000, Right),
                (old, unavailable(), 11_000, Wrong),
                (new, Answer::Echo, 10_030, Right),
                (new, invalid_token(), 12_100, Explained),
                (new, unavailable(), 12_000, Wrong),
                (new, invalid_token(), 12_121, Wrong),
                (new, Answer::Echo, 12_121, Right),
                (Kind::LacksScope(1), invalid_token(), 12_000, Explained),
                (
                    Kind::LacksScope(1),
                    refusal(403, "insufficient_scope"),
                    12_000,
                    Right,
                ),
                (Kind::LacksScope(1), Answer::Echo, 12_000, Wrong),
            ],
        );
        check(
            &rotated(Some(12_000)),
            &[
                (old, Answer::Echo, 13_100, Right),
                (old, Answer::Echo, 13_101, Wrong),
                (old, invalid_token(), 13_101, Right),
                (new, Answer::Echo, 13_101, Right),
                (new, invalid_token(), 13_101, Wrong),
            ],
        );
    }

    #[test]
    fn without_the_provider_good_requests_pass_while_the_token_lasts() {
        let outage = |until| {
            let mut window = window(Disturbance::ProviderFails("", Fault::Refuse), 10_000, until);
            window.token = Some(TokenLife {
                usable_until: ms(12_000),
                dead_from: ms(14_000),
            });
            with_window(window)
        };
        check(
            &outage(None),
            &[
                (Kind::Good(0), unavailable(), 9_989, Wrong),
                (Kind::Good(0), unavailable(), 11_989, Wrong),
                (Kind::Good(0), Answer::Echo, 11_989, Right),
                (Kind::Good(0), unavailable(), 11_990, Explained),
                (Kind::Good(0), Answer::Echo, 14_100, Right),
                (Kind::Good(0), Answer::Echo, 14_101, Wrong),
                (Kind::Good(0), unavailable(), 14_101, Explained),
                (Kind::Good(0), refusal(503, "overloaded"), 14_101, Explained),
                (Kind::Good(0), Answer::Status(503, None), 14_101, Wrong),
                (Kind::Good(0), invalid_token(), 14_101, Wrong),
                (
                    Kind::Good(0),
                    refusal(502, "identity_provider_refused"),
                    14_101,
                    Wrong,
                ),
                (Kind::LacksScope(0), unavailable(), 14_101, Wrong),
                (Kind::Forged, unavailable(), 11_000, Explained),
                (Kind::Forged, invalid_token(), 11_000, Right),
                (Kind::Forged, Answer::Echo, 11_000, Wrong),
                (Kind::Unacceptable, unavailable(), 11_000, Wrong),
                (Kind::NoToken, unavailable(), 11_000, Wrong),
                (Kind::BadPath, unavailable(), 11_000, Wrong),
            ],
        );
        check(
            &outage(Some(18_000)),
            &[
                (Kind::Good(0), Answer::Echo, 17_980, Wrong),
                (Kind::Good(0), Answer::Echo, 17_990, Right),
                (Kind::Good(0), unavailable(), 22_000, Explained),
                (Kind::Good(0), unavailable(), 22_001, Wrong),
                (Kind::Forged, unavailable(), 22_001, Wrong),
            ],
        );
    }

    #[test]
    fn the_backends_errors_are_its_own_while_it_fails() {
        let facts = with_window(window(Disturbance::BackendFails, 10_000, Some(13_000)));
        check(
            &facts,
            &[
                (Kind::Good(0), Answer::Status(500, None), 9_980, Wrong),
                (Kind::Good(0), Answer::Status(500, None), 11_000, Explained),
                (Kind::Good(0), refusal(500, "internal"), 11_000, Wrong),
                (Kind::Good(0), unavailable(), 11_000, Wrong),
                (Kind::Forged, Answer::Status(500, None), 11_000, Wrong),
                (Kind::Good(0), Answer::Status(500, None), 13_001, Wrong),
            ],
        );
    }

    #[test]
    fn a_killed_traefik_owes_no_answer_and_its_successor_some_patience() {
        let nothing = || Answer::Nothing("refused".to_owned());
        let facts = with_window(window(Disturbance::Kill, 10_000, Some(13_000)));
        check(
            &facts,
            &[
                (Kind::Unacceptable, nothing(), 9_980, Missing),
                (Kind::Unacceptable, nothing(), 9_990, Explained),
                (Kind::Good(0), nothing(), 12_000, Explained),
                (Kind::Good(0), Answer::Status(404, None), 12_000, Explained),
                (Kind::Forged, Answer::Echo, 12_000, Wrong),
                (Kind::Good(0), nothing(), 13_101, Missing),
                (Kind::Good(0), Answer::Status(404, None), 13_101, Wrong),
                (Kind::Good(0), unavailable(), 18_000, Explained),
                (Kind::NoToken, unavailable(), 14_000, Wrong),
                (Kind::Good(0), unavailable(), 18_001, Wrong),
            ],
        );
    }

    #[test]
    fn a_reload_explains_nothing() {
        let facts = with_window(window(Disturbance::Reload, 10_000, Some(11_000)));
        for answer in [
            Answer::Status(404, None),
            Answer::Status(500, None),
            unavailable(),
            invalid_token(),
        ] {
            assert_eq!(
                Kind::Good(0).judge(&answer, span(10_500), &facts),
                Wrong,
                "{answer:?}"
            );
        }
    }
}
