//! Decides which instance fetches, and lets the others wait.

use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;

use super::failure::Failure;
use super::failure_record::FailureRecord;
use super::fetch::Occasion;
use super::instance::Instance;
use super::waiting::{NoWait, Waiting};
use crate::state::Lease;

/// How often one instance looks for another instance's value while its own is due but usable.
pub(super) const LOOK_WHILE_DUE: Duration = Duration::from_millis(100);
/// How much longer than the time limit of a fetch its waiters wait.
const GRACE: Duration = Duration::from_millis(500);

impl Instance {
    /// Rules 2 and 3: the refresh time has come, but the cached value may still be used.
    pub(super) fn refresh(&mut self, now: UnixTime) {
        if !self.may_look(now, LOOK_WHILE_DUE) {
            return;
        }
        self.adopt();
        self.drop_denied();
        if !self.may_refresh() {
            return;
        }
        let platform = Rc::clone(&self.platform);
        match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
            Ok(Some(lease)) => {
                // Another instance may have refreshed, or failed to, between the look and the lease.
                self.adopt();
                if self.may_refresh() {
                    // The fetch records and logs a failure. Unless it is a denial, the cached value stays in use.
                    let _ = self.fetch(Some(lease), Occasion::Due);
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.complain(error);
                let _ = self.fetch(None, Occasion::Due);
            }
        }
    }

    /// Whether the cached value should be renewed, and no failure forbids an attempt now.
    fn may_refresh(&self) -> bool {
        let now = self.platform.now();
        self.cached.as_ref().is_some_and(|cached| {
            let usable_until = cached.lifetime.usable_until;
            let forbids = |failure: FailureRecord| failure.holds_without_need_at(now, usable_until);
            cached.is_due(now) && !self.last_failure().is_some_and(forbids)
        })
    }

    /// Rules 4 and 5: no usable value is cached.
    pub(super) fn obtain(&mut self) -> Result<(), Failure> {
        let platform = Rc::clone(&self.platform);
        let limit = self.client.timeout().saturating_add(GRACE);
        let limit = limit.saturating_add(self.wait_for_others());
        let mut waiting = Waiting::new(&*platform, limit, self.client.max_waiting());
        loop {
            if self.adopt_usable() {
                return Ok(());
            }
            let last_failure = self.last_failure();
            if let Some(failure) = &last_failure
                && failure.holds_at(platform.now())
            {
                return Err(failure.failure(platform.now()));
            }
            match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
                Ok(Some(lease)) => {
                    // Another instance may have fetched, or failed to, between the look and the lease.
                    if self.adopt_usable() {
                        return Ok(());
                    }
                    return match self.current_failure() {
                        Some(failure) => Err(failure.failure(platform.now())),
                        None => self.fetch_usable(Some(lease)),
                    };
                }
                Ok(None) => match last_failure {
                    Some(failure) if failure.is_grant_lost() => {
                        return Err(failure.failure(platform.now()));
                    }
                    Some(_) => return Err(Failure::unreachable(Duration::from_secs(1))),
                    None => {}
                },
                Err(error) => {
                    self.complain(error);
                    return self.fetch_usable(None);
                }
            }
            match waiting.pause() {
                Ok(()) => {}
                Err(NoWait::TimeIsUp | NoWait::TooMany) => return Err(Failure::overloaded()),
                Err(NoWait::Directory(error)) => {
                    self.complain(error);
                    waiting.pause_uncounted();
                }
            }
        }
    }

    fn fetch_usable(&mut self, lease: Option<Lease<'_>>) -> Result<(), Failure> {
        self.fetch(lease, Occasion::Need)?;
        // If the provider takes longer than the lifetime that it grants, its value cannot be used.
        match self.is_usable() {
            true => Ok(()),
            false => Err(Failure::unreachable(Duration::from_secs(1))),
        }
    }
}
