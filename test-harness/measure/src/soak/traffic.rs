//! The clients. Each sends one request after another at its own pace and judges every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::connection::Connection;
use super::expectation::{Answer, Kind};
use super::request::prepare;
use super::tally::Tally;
use super::timeline::{Span, Timeline};
use super::wallet::Wallet;
use harness::idcs::IdcsHandle;
use harness::server::runtime;

/// What all clients share.
#[derive(Clone)]
pub(super) struct Traffic {
    /// The gateway's entry point, `host:port`.
    pub(super) address: String,
    pub(super) idcs: IdcsHandle,
    pub(super) timeline: Arc<Timeline>,
    pub(super) tally: Arc<Tally>,
    /// When set, each client ends after its current request.
    pub(super) stop: Arc<AtomicBool>,
}

/// The number of clients.
pub(super) const CLIENTS: usize = 16;
/// The least time from one request of a client to its next. It limits the rate and leaves the machine room for what is
/// measured.
const PACE: Duration = Duration::from_millis(40);

impl Traffic {
    /// Starts all clients.
    pub(super) fn begin(&self) -> Vec<JoinHandle<()>> {
        (0..CLIENTS)
            .map(|client| runtime().spawn(self.clone().client(client)))
            .collect()
    }

    async fn client(self, client: usize) {
        let mut wallet = Wallet::new(self.idcs.clone(), Arc::clone(&self.timeline));
        let mut connection = Connection::to(&self.address);
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            pace.tick().await;
            let mut prepared = prepare(client, number, &mut wallet);
            number += 1;
            let request = std::mem::take(&mut prepared.request);
            let sent = self.timeline.now();
            let response = connection.exchange(request).await;
            let span = Span {
                sent,
                received: self.timeline.now(),
            };
            let answer = prepared.answer(response);
            let verdict = self
                .timeline
                .look(|facts| prepared.kind.judge(&answer, span, facts));
            if let (Kind::Good(generation), Answer::Echo) = (prepared.kind, &answer) {
                self.timeline.served(generation, span);
            }
            self.tally.record(&prepared, &answer, &verdict, span);
        }
    }
}
