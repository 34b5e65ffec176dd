//! The records of a resource in the state directory: its value, its last failure, and its status for operators.

use egress::platform::DirectoryError;

use super::envelope::Envelope;
use super::failure_record::FailureRecord;
use super::fetch_error::FetchError;
use super::instance::Instance;
use super::status::Status;

impl Instance {
    /// Shares a value. Removes the record of the last failure.
    pub(super) fn publish(&mut self, envelope: &Envelope) {
        let name = self.resource.name().as_str();
        let outcome = match self.resource.seal().close(&envelope.encode(), &*self.platform) {
            Ok(text) => self.values().publish(name, &text),
            Err(_) => Err(DirectoryError::Other(0)),
        };
        match outcome {
            Ok(()) => {
                self.trouble = None;
                self.values().remove(&self.failure_name());
            }
            Err(error) => self.complain(error),
        }
    }

    /// Records a failure for all instances that share the state directory.
    pub(super) fn record_failure(&mut self, failure: &FailureRecord) {
        if let Err(error) = self.values().publish(&self.failure_name(), &failure.encode()) {
            self.complain(error);
            self.own.failure = Some(failure.clone());
        }
    }

    /// The failure that forbids a fetch now, if there is one.
    pub(super) fn current_failure(&self) -> Option<FailureRecord> {
        let now = self.platform.now();
        self.last_failure().filter(|failure| failure.holds_at(now))
    }

    /// The last failure since the last success. It may be over.
    pub(super) fn last_failure(&self) -> Option<FailureRecord> {
        match self.values().read(&self.failure_name()) {
            Ok(Some(record)) => FailureRecord::decode(&record).filter(|failure| self.is_own(failure)),
            Ok(None) | Err(_) => self.own.failure.clone(),
        }
    }

    /// Whether a failure concerns this resource and these credentials.
    fn is_own(&self, failure: &FailureRecord) -> bool {
        failure.is_of(self.resource.name().owner()) && failure.concerns(self.resource.proof())
    }

    /// The name of the failure's record.
    pub(super) fn failure_name(&self) -> String {
        format!("{}.fail", self.resource.name().as_str())
    }

    /// Records the status of this resource for operators. No code reads it. The resources of many callers have no
    /// status.
    pub(super) fn publish_status(&self, failure: Option<(&FailureRecord, &FetchError)>) {
        if self.resource.name().owner().is_some() {
            return;
        }
        let cached = self.cached.as_ref();
        let status = Status {
            kind: self.resource.kind(),
            url: self.resource.url().to_string(),
            at: self.platform.now().as_millis(),
            fetched_at: cached.map(|cached| cached.fetched_at.as_millis()),
            refresh_at: cached.map(|cached| cached.lifetime.refresh_at.as_millis()),
            usable_until: cached.map(|cached| cached.lifetime.usable_until.as_millis()),
            took_ms: cached.and_then(|cached| u64::try_from(cached.took.as_millis()).ok()),
            failures: failure.map_or(0, |(failure, _)| failure.count()),
            again_at: failure.map(|(failure, _)| failure.until().as_millis()),
            last_error: failure.map(|(_, error)| error.to_string()),
        };
        let _ = self.values().publish(
            &format!("{}.status", self.resource.name().as_str()),
            &status.encode(),
        );
    }
}
