//! Carries out the disturbances, each at its time, and records when.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::disturbance::{Disturbance, Planned};
use super::limits::UNUSED_BEFORE_EXP;
use super::timeline::{Timeline, TokenLife};
use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::traefik::{Traefik, TraefikError};

/// Disturbs the gateway and records it in the timeline.
pub(super) struct Chaos<'g> {
    pub(super) gateway: &'g Mutex<Gateway>,
    pub(super) timeline: Arc<Timeline>,
    /// A message or a closed channel means stop.
    pub(super) stop: Receiver<()>,
}

impl Chaos<'_> {
    /// Carries out the plan and leaves everything in working order. Fails if Traefik does not come back.
    pub(super) fn run(&self, plan: &[Planned]) -> Result<(), TraefikError> {
        for (number, planned) in plan.iter().enumerate() {
            let ahead = planned.at.saturating_sub(self.timeline.now());
            if self.is_stopped_within(ahead) {
                break;
            }
            self.disturb(&planned.what, number)?;
        }
        Ok(())
    }

    fn disturb(&self, what: &Disturbance, number: usize) -> Result<(), TraefikError> {
        if let Disturbance::ProviderFails(_, fault) = what {
            self.fail_provider(what, fault);
            return Ok(());
        }
        self.timeline.begin(what.clone());
        let outcome = match what {
            Disturbance::ProviderFails(..) => Ok(()), // handled above
            Disturbance::RotateSameKid => {
                self.timeline.rotate(|| self.gateway().idcs.rotate_now());
                Ok(())
            }
            Disturbance::RotateNewKid => {
                let kid = format!("KEY_{number}");
                self.timeline
                    .rotate(|| self.gateway().idcs.rotate_now_new_kid(&kid));
                Ok(())
            }
            Disturbance::Reload => reload(&mut self.gateway().traefik, number),
            Disturbance::BackendFails => {
                self.gateway().oic.down(Fault::Status(500));
                self.is_stopped_within(what.lasts());
                self.gateway().oic.up();
                Ok(())
            }
            Disturbance::Kill => {
                self.gateway().traefik.kill();
                self.is_stopped_within(what.lasts());
                self.gateway().traefik.restart()
            }
        };
        self.timeline.end();
        outcome
    }

    fn fail_provider(&self, what: &Disturbance, fault: &Fault) {
        // A token issued a moment ago may still be in transit and get lost. Wait until no new one is issued: the last
        // one has then arrived.
        const ON_ITS_WAY: Duration = Duration::from_millis(200);
        let mut exp = self.last_exp();
        loop {
            if self.is_stopped_within(ON_ITS_WAY) {
                return;
            }
            let now = self.last_exp();
            if now == exp {
                break;
            }
            exp = now;
        }
        self.timeline.begin(what.clone());
        self.gateway().idcs.down(fault.clone());
        self.timeline.last_token(TokenLife {
            usable_until: self.on_our_clock(exp).saturating_sub(UNUSED_BEFORE_EXP),
            // One more may have been issued just before the fault.
            dead_from: self.on_our_clock(self.last_exp()),
        });
        self.is_stopped_within(what.lasts());
        self.gateway().idcs.up();
        self.timeline.end();
    }

    /// Returns the `exp` claim of the last token that the provider issued.
    fn last_exp(&self) -> i64 {
        let issued = self.gateway().idcs.tokens_issued();
        issued.last().map_or(0, |token| token.exp)
    }

    /// Converts seconds since the epoch on the provider's clock to a time since the start of the run.
    fn on_our_clock(&self, seconds: i64) -> Duration {
        let (now, clock) = (self.timeline.now(), self.gateway().idcs.clock().now_millis());
        let left = seconds.saturating_mul(1000).saturating_sub(clock);
        let distance = Duration::from_millis(left.unsigned_abs());
        if left < 0 {
            now.saturating_sub(distance)
        } else {
            now + distance
        }
    }

    /// Waits for `time`. Returns true if the run should stop.
    fn is_stopped_within(&self, time: Duration) -> bool {
        !matches!(self.stop.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    fn gateway(&self) -> MutexGuard<'_, Gateway> {
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the current configuration again, with an unused middleware added.
fn reload(traefik: &mut Traefik, number: usize) -> Result<(), TraefikError> {
    let path = traefik.dir().join("dynamic/dynamic.yml");
    let io = |source| TraefikError::Io {
        action: "read",
        path: path.clone(),
        source,
    };
    let text = std::fs::read_to_string(&path).map_err(io)?;
    // The gateway writes its configuration as JSON.
    let mut dynamic: Value = serde_json::from_str(&text).map_err(|error| io(error.into()))?;
    dynamic["http"]["middlewares"]["unused"] =
        json!({ "headers": { "customRequestHeaders": { "X-Unused": number.to_string() } } });
    traefik.write_dynamic(&dynamic.to_string())
}
