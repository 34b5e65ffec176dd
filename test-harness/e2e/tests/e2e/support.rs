//! Helpers for several tests.

pub(crate) mod example;
pub(crate) mod tool;

use std::time::{Duration, Instant};

use harness::client::Response;
use harness::gateway::Gateway;
use harness::idcs::{Endpoint, IdcsHandle};
use harness::traefik::{Traefik, TraefikBuilder};

/// Asserts that a request was served. A failure shows the answer and Traefik's log.
#[track_caller]
pub(crate) fn assert_served(answer: &Response, traefik: &Traefik, case: &str) {
    let log = || format!("{case}: {}\n{}", answer.text(), traefik.log());
    assert!(answer.status == 200, "{}: {}", answer.status, log());
}

/// Asserts the status of a refusal, and the reason in its body.
#[track_caller]
pub(crate) fn assert_reason(answer: &Response, status: u16, reason: &str, case: &str) {
    let told = (answer.status, answer.json()["reason"].clone());
    assert_eq!(told, (status, reason.into()), "{case}");
}

/// Returns the lines that our plugins wrote.
pub(crate) fn plugin_lines(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains(r#""message":"code="#))
}

/// Disables Go's garbage collector. Nothing else ends an instance and discards what it has in memory.
pub(crate) fn keep_instances(traefik: TraefikBuilder) -> TraefikBuilder {
    traefik.env("GOGC", "off")
}

/// Kills Traefik during a refresh of the gateway's token, which reaches the provider and gets no answer.
pub(crate) fn kill_during_a_refresh(gateway: &mut Gateway, idcs: &IdcsHandle, token: &str) {
    idcs.set(|switches| switches.at(Endpoint::Token).latency = Duration::from_secs(90));
    let (client, url) = (gateway.client().clone(), gateway.url("/echo"));
    let (calls, limit) = (idcs.token_calls(), Duration::from_secs(8));
    std::thread::scope(|scope| {
        let deadline = Deadline::after(Duration::from_secs(15));
        while idcs.token_calls() == calls {
            let request = client.get(&url).bearer(token).timeout(limit);
            scope.spawn(move || request.send());
            std::thread::sleep(Duration::from_millis(50));
            deadline.pause("a refresh");
        }
        gateway.traefik.kill();
    });
}

/// The time by which a condition must be true.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.0 <= Instant::now()
    }

    /// Waits a moment before the next check. Panics after the deadline.
    pub(crate) fn pause(&self, waiting_for: &str) {
        assert!(Instant::now() < self.0, "timed out: {waiting_for}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
