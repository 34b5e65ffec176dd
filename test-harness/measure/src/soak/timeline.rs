//! The events of a run so far: disturbances and key rotations, each with its times.
//!
//! Times count from the start of the run. `from` is recorded before a disturbance takes effect and `until` after it has
//! ended, so whatever a request meets lies between them. The same holds for rotations: a key became current, and its
//! predecessor was retired, at some time from `from` to `until`.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::disturbance::Disturbance;

/// When a request was sent, and when its outcome was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) sent: Duration,
    pub(super) received: Duration,
}

/// A disturbance that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) what: Disturbance,
    pub(super) from: Duration,
    /// `None` while it lasts.
    pub(super) until: Option<Duration>,
    /// The life of the gateway's last token, if the provider fails.
    pub(super) token: Option<TokenLife>,
    /// When a request with a token of the current key, sent after the end, first got a good answer.
    pub(super) served_again: Option<Duration>,
}

/// How long the last token serves that the gateway got before the provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenLife {
    /// Until then the gateway certainly uses it.
    pub(super) usable_until: Duration,
    /// From then on it has certainly expired.
    pub(super) dead_from: Duration,
}

/// A change of the signing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) from: Duration,
    pub(super) until: Duration,
    /// When the gateway was first seen to accept a token of the new key.
    pub(super) adopted: Option<Duration>,
}

/// A snapshot of the events, by which answers are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) windows: Vec<Window>,
    /// Rotation `n` retired key generation `n` and made `n + 1` current.
    pub(super) rotations: Vec<Rotation>,
}

impl Facts {
    /// Returns the life of the key of this generation.
    pub(super) fn key(&self, generation: usize) -> Key {
        let before = generation
            .checked_sub(1)
            .and_then(|number| self.rotations.get(number));
        let after = self.rotations.get(generation..).unwrap_or_default();
        Key {
            current_since: before.map(|rotation| rotation.until),
            retired_at: after.first().map(|rotation| rotation.from),
            // An instance that knows a later key no longer knows this one.
            replaced_at: after.iter().filter_map(|rotation| rotation.adopted).min(),
        }
    }

    /// The windows that overlap the request when each is extended by `after`.
    pub(super) fn met(&self, span: Span, after: Duration) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(move |window| {
            window.from <= span.received && window.until.is_none_or(|until| span.sent <= until + after)
        })
    }
}

/// The life of one signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// `None` for the first key, which the gateway has from the start.
    pub(super) current_since: Option<Duration>,
    /// When the provider stopped publishing it.
    pub(super) retired_at: Option<Duration>,
    /// When the gateway was first seen to know a later key.
    pub(super) replaced_at: Option<Duration>,
}

/// Records the events of a run.
pub(super) struct Timeline {
    start: Instant,
    facts: RwLock<Facts>,
}

impl Timeline {
    pub(super) fn start() -> Self {
        Self {
            start: Instant::now(),
            facts: RwLock::default(),
        }
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Reads the events so far.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Facts) -> T) -> T {
        look(&self.facts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Passes the generation of the signing key to `with`. The key cannot change meanwhile.
    pub(super) fn with_current_key<T>(&self, with: impl FnOnce(usize) -> T) -> T {
        self.look(|facts| with(facts.rotations.len()))
    }

    /// The generation of the current signing key.
    pub(super) fn generation(&self) -> usize {
        self.with_current_key(|generation| generation)
    }

    /// Records that a disturbance begins. Call this before it takes effect.
    pub(super) fn begin(&self, what: Disturbance) {
        let window = Window {
            what,
            from: self.now(),
            until: None,
            token: None,
            served_again: None,
        };
        self.change(|facts| facts.windows.push(window));
    }

    /// Records how long the gateway's last token serves in the latest disturbance.
    pub(super) fn last_token(&self, life: TokenLife) {
        self.change(|facts| {
            facts
                .windows
                .last_mut()
                .into_iter()
                .for_each(|window| window.token = Some(life))
        });
    }

    /// Records that the latest disturbance has ended.
    pub(super) fn end(&self) {
        let now = self.now();
        self.change(|facts| {
            facts
                .windows
                .last_mut()
                .into_iter()
                .for_each(|window| window.until = Some(now))
        });
    }

    /// Changes the signing key and records the rotation.
    pub(super) fn rotate(&self, rotate: impl FnOnce()) {
        self.change(|facts| {
            let from = self.now();
            rotate();
            facts.rotations.push(Rotation {
                from,
                until: self.now(),
                adopted: None,
            });
        });
    }

    /// Records that a request with a token of this generation got the right answer.
    pub(super) fn served(&self, generation: usize, span: Span) {
        let news = |facts: &Facts| {
            let rotation = generation
                .checked_sub(1)
                .and_then(|number| facts.rotations.get(number));
            let adopts = rotation.is_some_and(|rotation| rotation.adopted.is_none());
            let window = facts.windows.last();
            let ends = window.is_some_and(|window| window.is_over_for(span) && window.served_again.is_none());
            adopts || (ends && generation == facts.rotations.len())
        };
        if !self.look(news) {
            return;
        }
        self.change(|facts| {
            let rotation = generation
                .checked_sub(1)
                .and_then(|number| facts.rotations.get_mut(number));
            if let Some(rotation) = rotation {
                rotation.adopted = Some(rotation.adopted.map_or(span.received, |at| at.min(span.received)));
            }
            if let Some(window) = facts.windows.last_mut()
                && generation == facts.rotations.len()
                && window.is_over_for(span)
            {
                window.served_again.get_or_insert(span.received);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Window {
    fn is_over_for(&self, span: Span) -> bool {
        self.until.is_some_and(|until| span.sent >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_key_is_replaced_when_any_later_one_is_known() {
        let rotation = |from, adopted| Rotation {
            from: at(from),
            until: at(from + 1),
            adopted,
        };
        let facts = Facts {
            windows: Vec::new(),
            rotations: vec![rotation(100, None), rotation(200, Some(at(250)))],
        };
        let key = |current_since, retired_at, replaced_at| Key {
            current_since,
            retired_at,
            replaced_at,
        };
        assert_eq!(facts.key(0), key(None, Some(at(100)), Some(at(250))));
        assert_eq!(facts.key(1), key(Some(at(101)), Some(at(200)), Some(at(250))));
        assert_eq!(facts.key(2), key(Some(at(201)), None, None));
    }

    #[test]
    fn a_window_is_met_from_its_beginning_to_its_end_and_some_time_after() {
        let window = |until| Window {
            what: Disturbance::Reload,
            from: at(100),
            until,
            token: None,
            served_again: None,
        };
        for (until, sent, received, after, expected) in [
            (Some(at(200)), 50, 99, 0, 0),
            (Some(at(200)), 50, 100, 0, 1),
            (Some(at(200)), 200, 300, 0, 1),
            (Some(at(200)), 201, 300, 0, 0),
            (Some(at(200)), 201, 300, 1, 1),
            (None, 5000, 6000, 0, 1),
        ] {
            let facts = Facts {
                windows: vec![window(until)],
                rotations: Vec::new(),
            };
            let span = Span {
                sent: at(sent),
                received: at(received),
            };
            assert_eq!(
                facts.met(span, at(after)).count(),
                expected,
                "{until:?} {sent} {received} {after}"
            );
        }
    }

    #[test]
    fn the_first_good_answer_tells_that_a_key_is_known_and_an_outage_over() {
        let timeline = Timeline::start();
        let span = || Span {
            sent: timeline.now(),
            received: timeline.now(),
        };
        timeline.rotate(|| {});
        timeline.begin(Disturbance::BackendFails);
        timeline.served(0, span());
        assert_eq!(timeline.look(|facts| facts.rotations[0].adopted), None);
        timeline.end();
        timeline.served(0, span());
        assert_eq!(
            timeline.look(|facts| facts.windows[0].served_again),
            None,
            "an old key proves nothing"
        );
        let first = span();
        timeline.served(1, first);
        timeline.served(1, span());
        timeline.look(|facts| {
            assert_eq!(facts.rotations[0].adopted, Some(first.received));
            assert_eq!(facts.windows[0].served_again, Some(first.received));
        });
    }
}
