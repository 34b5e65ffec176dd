//! Several instances (threads with their own memory), one state directory, one provider.
#![allow(clippy::disallowed_methods)] // the test's own clock

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use middleware::Reason;

use super::*;
use crate::ClientConfig;
use crate::platform::Native;

/// A provider that answers with a running number.
struct Provider {
    url: String,
    calls: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Provider {
    fn start(latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/value", listener.local_addr().unwrap());
        let (calls, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, broken) = (Arc::clone(&calls), Arc::clone(&down));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, counter, broken) =
                    (stream.unwrap(), Arc::clone(&counter), Arc::clone(&broken));
                std::thread::spawn(move || {
                    let mut head = [0; 1024];
                    let _ = stream.read(&mut head);
                    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                    std::thread::sleep(latency);
                    let status = if broken.load(Ordering::SeqCst) { 500 } else { 200 };
                    let body = number.to_string();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                });
            }
        });
        Self { url, calls, down }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

struct Number {
    name: StateName,
    seal: Seal,
    url: Url,
    lifetime: Duration,
}

impl Resource for Number {
    type Value = u64;

    fn name(&self) -> &StateName {
        &self.name
    }
    fn kind(&self) -> &'static str {
        "number"
    }
    fn url(&self) -> &Url {
        &self.url
    }
    fn seal(&self) -> &Seal {
        &self.seal
    }
    fn encode(&self, value: &u64) -> Vec<u8> {
        value.to_string().into_bytes()
    }
    fn decode(&self, bytes: &[u8]) -> Option<u64> {
        std::str::from_utf8(bytes).ok()?.parse().ok()
    }
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<u64>, FetchError> {
        let response = send(&Request::get(self.url.uri().clone()).body(Vec::new()).unwrap())?;
        if response.status() != 200 {
            return Err(FetchError::Unavailable {
                detail: response.status().to_string(),
                retry_after: None,
            });
        }
        let lifetime = Lifetime {
            refresh_at: now.plus(self.lifetime * 8 / 10),
            usable_until: now.plus(self.lifetime),
        };
        Ok(Fetched {
            value: self.decode(response.body()).unwrap(),
            lifetime,
        })
    }
}

fn instance(provider: &str, directory: &tempfile::TempDir, lifetime: Duration) -> Shared<Number> {
    let platform: Rc<dyn Platform> = Rc::new(Native::new(directory.path(), |_| {}));
    let client = Rc::new(
        HttpClient::new(
            Rc::clone(&platform),
            &ClientConfig {
                timeout_seconds: 2,
                ..ClientConfig::default()
            },
        )
        .unwrap(),
    );
    let number = Number {
        name: StateName::new("number", &[provider]),
        seal: Seal::public(&[provider]),
        url: Url::parse(provider).unwrap(),
        lifetime,
    };
    Shared::new(number, platform, client)
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_cold_burst_costs_one_fetch() {
    let (provider, directory) = (
        Provider::start(Duration::from_millis(200)),
        tempfile::tempdir().unwrap(),
    );
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert_eq!(*instance(&provider.url, &directory, LONG).get().unwrap(), 1));
        }
    });
    assert_eq!(provider.calls(), 1);
}

#[test]
fn a_new_instance_finds_what_another_fetched() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    instance(&provider.url, &directory, LONG).get().unwrap();
    assert_eq!(*instance(&provider.url, &directory, LONG).get().unwrap(), 1);
    assert_eq!(provider.calls(), 1);
}

#[test]
fn short_lived_values_are_renewed_by_one_while_nobody_ever_gets_an_old_one() {
    let (provider, directory) = (
        Provider::start(Duration::from_millis(20)),
        tempfile::tempdir().unwrap(),
    );
    let lifetime = Duration::from_secs(1);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut instance = instance(&provider.url, &directory, lifetime);
                while begun.elapsed() < Duration::from_secs(4) {
                    let before = instance.platform.now();
                    instance.get().unwrap();
                    assert!(before < instance.held.as_ref().unwrap().lifetime.usable_until);
                }
            });
        }
    });
    assert!(
        (3..=9).contains(&provider.calls()),
        "{} fetches in 3 s of 0.4 s refresh times",
        provider.calls()
    );
}

#[test]
fn an_outage_costs_one_fetch_a_pause_and_ends_when_the_provider_is_back() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    provider.down.store(true, Ordering::SeqCst);
    let mut instances: Vec<_> = (0..8)
        .map(|_| instance(&provider.url, &directory, LONG))
        .collect();
    for instance in &mut instances {
        let refused = instance.get().unwrap_err();
        assert_eq!(refused.reason(), Reason::IdentityProviderUnavailable);
        assert_eq!(refused.retry_after_seconds(), 1);
    }
    assert_eq!(provider.calls(), 1, "the first failure stops the others");
    provider.down.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    while instances[3].get().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2));
        std::thread::yield_now();
    }
    assert_eq!(provider.calls(), 2);
}

#[test]
fn an_outage_does_not_touch_what_is_still_usable() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instance = instance(&provider.url, &directory, Duration::from_millis(1000));
    instance.get().unwrap();
    provider.down.store(true, Ordering::SeqCst);
    let usable_until = instance.held.as_ref().unwrap().lifetime.usable_until;
    loop {
        let outcome = instance.get();
        // Judged by the time after the call, so that a pause of the machine cannot fail it.
        if instance.platform.now() >= usable_until {
            break;
        }
        assert_eq!(*outcome.unwrap(), 1);
    }
    assert!(instance.get().is_err());
}

#[test]
fn renewing_is_limited_and_shared() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (old, other_old) = (first.get().unwrap(), second.get().unwrap());
    assert_eq!(
        *first.renew(&old, LONG).unwrap(),
        1,
        "too soon after the last fetch"
    );
    assert_eq!(*first.renew(&old, Duration::ZERO).unwrap(), 2);
    assert_eq!(
        *second.renew(&other_old, LONG).unwrap(),
        2,
        "taken over from the first"
    );
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_renewed_value_reaches_every_instance_although_theirs_is_fresh() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (old, _) = (first.get().unwrap(), second.get().unwrap());
    first.renew(&old, Duration::ZERO).unwrap();
    let begun = Instant::now();
    while *second.get().unwrap() != 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "the old value is still used"
        );
        std::thread::yield_now();
    }
    assert_eq!(provider.calls(), 2);
}

#[test]
fn renewing_says_so_when_the_provider_is_down_and_the_value_at_hand_stays() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instance = instance(&provider.url, &directory, LONG);
    let seen = instance.get().unwrap();
    provider.down.store(true, Ordering::SeqCst);
    let asked = || instance.renew(&seen, Duration::ZERO).unwrap_err().reason();
    let reasons: Vec<Reason> = std::iter::repeat_with(asked).take(3).collect();
    assert_eq!(reasons, [Reason::IdentityProviderUnavailable; 3]);
    assert_eq!(provider.calls(), 2, "nobody asks again right after a failure");
    assert_eq!(*instance.get().unwrap(), 1);
}

#[test]
fn a_discarded_value_is_fetched_anew_once_in_a_while() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (seen, also_seen) = (first.get().unwrap(), second.get().unwrap());
    assert!(first.discard(&seen, LONG));
    assert!(!second.discard(&also_seen, LONG), "discarded already");
    assert_eq!(*first.get().unwrap(), 2);
    let newer = second.get().unwrap();
    assert_eq!(*newer, 2);
    assert!(!second.discard(&newer, LONG), "too soon after the last time");
    assert!(second.discard(&newer, Duration::ZERO));
    assert_eq!(*second.get().unwrap(), 3);
    assert_eq!(provider.calls(), 3);
}

#[test]
fn a_discarded_value_is_soon_used_by_nobody_but_one_in_an_emptied_directory_still_is() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (seen, _) = (first.get().unwrap(), second.get().unwrap());
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::thread::sleep(LOOK_WHILE_FRESH);
    assert_eq!(*second.get().unwrap(), 1);
    assert!(first.discard(&seen, LONG));
    std::thread::sleep(LOOK_WHILE_FRESH);
    assert_eq!(*second.get().unwrap(), 2);
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_directory_that_is_gone_refuses_and_never_panics() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instance = instance(&provider.url, &directory, Duration::from_millis(300));
    instance.get().unwrap();
    std::fs::remove_dir_all(directory.path()).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(320) {
        let _ = instance.get();
    }
    assert_eq!(
        instance.get().unwrap_err().reason(),
        Reason::IdentityProviderUnavailable
    );
}

#[test]
fn work_ahead_of_need_is_not_begun_shortly_after_a_failure() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    provider.down.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        instance(&provider.url, &directory, LONG).prefetch();
    }
    assert_eq!(provider.calls(), 1);
    provider.down.store(false, Ordering::SeqCst);
    let mut instance = instance(&provider.url, &directory, LONG);
    let begun = Instant::now();
    while instance.get().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    let status = std::fs::read_link(
        directory
            .path()
            .join(format!("{}.status", instance.resource.name.as_str())),
    )
    .unwrap();
    assert!(
        status.to_string_lossy().contains(r#""failures":0,"#),
        "{status:?}"
    );
}
