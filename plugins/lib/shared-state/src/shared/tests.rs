//! Several instances (threads with their own memory), one state directory, one provider.
#![allow(clippy::disallowed_methods)] // the test's own clock

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use egress::platform::{DirectoryError, Native};
use egress::{ClientConfig, HttpClient, Platform, Url};
use http::Request;
use middleware::{Reason, UnixTime};

use super::attempt::Attempt;
use super::instance::LOOK_WHILE_FRESH;
use super::obtain::LOOK_WHILE_DUE;
use super::test_resource::TestResource;
use super::*;
use crate::state::{Seal, StateName};
use crate::test_machine::TestMachine;

mod fresh;
mod operators;

/// A provider that answers with consecutive numbers.
struct Provider {
    url: String,
    calls: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    denies: Arc<AtomicBool>,
    /// Answers 503, which is worth repeating.
    busy: Arc<AtomicBool>,
    /// Does not answer while this is set.
    hangs: Arc<AtomicBool>,
}

impl Provider {
    fn start(latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/value", listener.local_addr().unwrap());
        let (calls, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (denies, busy) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let hangs = Arc::new(AtomicBool::new(false));
        let (is_busy, hanging) = (Arc::clone(&busy), Arc::clone(&hangs));
        let (counter, broken, denying) = (Arc::clone(&calls), Arc::clone(&down), Arc::clone(&denies));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, counter) = (stream.unwrap(), Arc::clone(&counter));
                let (broken, denying) = (Arc::clone(&broken), Arc::clone(&denying));
                let (is_busy, hanging) = (Arc::clone(&is_busy), Arc::clone(&hanging));
                std::thread::spawn(move || {
                    let mut head = [0; 1024];
                    let _ = stream.read(&mut head);
                    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                    std::thread::sleep(latency);
                    while hanging.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    let status = match (broken.load(Ordering::SeqCst), denying.load(Ordering::SeqCst)) {
                        (true, _) => 500,
                        (_, true) => 403,
                        _ if is_busy.load(Ordering::SeqCst) => 503,
                        _ => 200,
                    };
                    let body = number.to_string();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                });
            }
        });
        Self {
            url,
            calls,
            down,
            denies,
            busy,
            hangs,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// The numbers of `provider`. If there is a server to ask first, the fetch does that.
fn numbers(
    provider: &str,
    first: Option<Url>,
) -> impl Fn(&mut Exchange<'_>) -> Result<u64, FetchError> + 'static {
    let url = Url::parse(provider).unwrap();
    move |send| {
        let get = |url: &Url| Request::get(url.uri().clone()).body(Vec::new()).unwrap();
        if let Some(first) = &first {
            send(&get(first))?;
        }
        let response = send(&get(&url))?;
        if response.status() == 403 {
            return Err(FetchError::Denied {
                detail: String::new(),
            });
        }
        if response.status() != 200 {
            return Err(FetchError::Unavailable {
                detail: response.status().to_string(),
                retry_after: None,
            });
        }
        Ok(std::str::from_utf8(response.body()).unwrap().parse().unwrap())
    }
}

fn instance(provider: &str, directory: &tempfile::TempDir, lifetime: Duration) -> Shared<TestResource> {
    instance_on(Rc::new(Native::new(directory.path(), |_| {})), provider, lifetime)
}

fn instance_on(platform: Rc<dyn Platform>, provider: &str, lifetime: Duration) -> Shared<TestResource> {
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
    let (name, seal) = (StateName::new("number", &[provider]), Seal::public(&[provider]));
    let number = TestResource {
        lifetime,
        ..TestResource::new(provider, name, seal, numbers(provider, None))
    };
    Shared::new(number, platform, client)
}

/// The resource of one caller among many.
fn number_of(caller: &str, provider: &str) -> TestResource {
    let seal = Seal::secret(&middleware::Secret::new(caller), &[provider, caller]).unwrap();
    TestResource::new(
        provider,
        seal.slot("number", &[provider]),
        seal,
        numbers(provider, None),
    )
}

/// Two callers that share a name.
fn neighbours(provider: &str) -> [String; 2] {
    let mut callers: Vec<String> = (0..).map(|number: u32| number.to_string()).take(400).collect();
    callers.sort_by_cached_key(|caller| number_of(caller, provider).name.as_str().to_owned());
    let pair = callers.windows(2).find(|pair| {
        number_of(&pair[0], provider).name.as_str() == number_of(&pair[1], provider).name.as_str()
    });
    let pair = pair.expect("400 callers and 4096 names: all but always");
    [pair[0].clone(), pair[1].clone()]
}

fn many(provider: &str, directory: &tempfile::TempDir, most: usize) -> SharedMany<TestResource> {
    many_on(Rc::new(Native::new(directory.path(), |_| {})), provider, most)
}

fn many_on(platform: Rc<dyn Platform>, provider: &str, most: usize) -> SharedMany<TestResource> {
    let client = instance_on(Rc::clone(&platform), provider, LONG).instance.client;
    SharedMany::new(platform, client, most)
}

/// Machines with one directory. Their clocks are stopped at the same time.
struct Machines(Vec<Rc<TestMachine>>);

impl Machines {
    fn in_directory<const N: usize>(directory: &tempfile::TempDir) -> (Self, [Rc<dyn Platform>; N]) {
        let machines = [(); N].map(|()| Rc::new(TestMachine::in_directory(directory.path())));
        let platforms = machines.clone().map(|machine| machine as Rc<dyn Platform>);
        let machines = Self(machines.to_vec());
        machines.at(0);
        (machines, platforms)
    }

    /// Sets the clocks to this many seconds after the beginning.
    fn at(&self, seconds: u64) {
        const BEGINNING: u64 = 1_700_000_000;
        for machine in &self.0 {
            machine.stop_wall_clock(UnixTime::from_secs(BEGINNING + seconds));
        }
    }
}

impl SharedMany<TestResource> {
    fn of(&mut self, caller: &str, provider: &str) -> Result<u64, Failure> {
        let mut key = CallerKey::default();
        key[..caller.len()].copy_from_slice(caller.as_bytes());
        let now = self.platform.now();
        self.get(&key, now, || number_of(caller, provider))
            .map(|number| *number)
    }
}

impl Shared<TestResource> {
    fn now(&mut self) -> Result<Rc<u64>, Failure> {
        self.get(self.instance.platform.now())
    }
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
            scope.spawn(|| assert_eq!(*instance(&provider.url, &directory, LONG).now().unwrap(), 1));
        }
    });
    assert_eq!(provider.calls(), 1);
}

#[test]
fn a_fetch_may_ask_several_servers_in_the_time_of_one() {
    let directory = tempfile::tempdir().unwrap();
    for (latency, in_time) in [(0, true), (1200, false)] {
        let [one, other] = [latency, latency].map(|ms| Provider::start(Duration::from_millis(ms)));
        let mut instance = instance(&other.url, &directory, LONG);
        let first = Url::parse(&one.url).unwrap();
        instance.resource_mut().fetch = Box::new(numbers(&other.url, Some(first)));
        assert_eq!(instance.now().is_ok(), in_time, "{latency} ms each, of 2 s");
        assert_eq!((one.calls(), other.calls()), (1, 1));
    }
}

#[test]
fn a_new_instance_finds_what_another_fetched() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    instance(&provider.url, &directory, LONG).now().unwrap();
    assert_eq!(*instance(&provider.url, &directory, LONG).now().unwrap(), 1);
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
                    let before = instance.instance.platform.now();
                    instance.now().unwrap();
                    assert!(before < instance.instance.cached.as_ref().unwrap().lifetime.usable_until);
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
        let refused = instance.now().unwrap_err();
        assert_eq!(refused.reason(), Reason::IdentityProviderUnavailable);
        assert_eq!(refused.retry_after_seconds(), 1);
    }
    assert_eq!(provider.calls(), 1, "the first failure stops the others");
    provider.down.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    while instances[3].now().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2));
        std::thread::yield_now();
    }
    assert_eq!(provider.calls(), 2);
}

#[test]
fn an_outage_does_not_touch_what_is_still_usable() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instance = instance(&provider.url, &directory, Duration::from_millis(1000));
    instance.now().unwrap();
    provider.down.store(true, Ordering::SeqCst);
    let usable_until = instance.instance.cached.as_ref().unwrap().lifetime.usable_until;
    loop {
        let outcome = instance.now();
        // The time after the call decides, so that a pause of the machine cannot fail the test.
        if instance.instance.platform.now() >= usable_until {
            break;
        }
        assert_eq!(*outcome.unwrap(), 1);
    }
    assert!(instance.now().is_err());
}

/// The seconds at which the provider was asked because the value was not sufficient. Several instances ask for a newer
/// one in turn, one each second.
fn asked_at(
    interval: RefetchInterval,
    seconds: u64,
    disturb: impl FnOnce(&Provider, &tempfile::TempDir),
) -> Vec<u64> {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, platforms) = Machines::in_directory::<3>(&directory);
    let mut instances = platforms.map(|platform| instance_on(platform, &provider.url, LONG));
    for instance in &mut instances {
        instance.now().unwrap();
    }
    disturb(&provider, &directory);
    let mut asked_at = Vec::new();
    for (second, index) in (0..seconds).zip((0..instances.len()).cycle()) {
        machines.at(second);
        let (calls, instance) = (provider.calls(), &mut instances[index]);
        let seen = instance.now().unwrap();
        instance.renew(&seen, interval);
        // Each attempt is one call: the error 503 is not worth repeating here.
        asked_at.extend(std::iter::repeat_n(second, provider.calls() - calls));
    }
    asked_at
}

#[test]
fn a_provider_in_trouble_is_asked_seldom_while_what_is_held_serves_and_often_when_it_ends() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, platforms) = Machines::in_directory::<3>(&directory);
    let mut instances = platforms.map(|platform| instance_on(platform, &provider.url, LONG));
    for instance in &mut instances {
        instance.now().unwrap();
    }
    provider.down.store(true, Ordering::SeqCst);
    // The value is due at 2880, and usable until 3600.
    let mut calls = |seconds: std::ops::Range<u64>| {
        let before = provider.calls();
        for second in seconds {
            machines.at(second);
            for instance in &mut instances {
                let _ = instance.now();
            }
        }
        provider.calls() - before
    };
    assert_eq!(calls(2800..2880), 0);
    let first_minute = calls(2880..2940);
    assert!((5..=8).contains(&first_minute), "{first_minute}");
    let ten_minutes = calls(2940..3540);
    assert!((20..=30).contains(&ten_minutes), "{ten_minutes}");
    let last_minute = calls(3540..3600);
    assert!((15..=30).contains(&last_minute), "{last_minute}");
    assert_eq!(calls(3600..3610), 10, "nothing is left to serve with");
}

#[test]
fn renewing_keeps_its_pace_whatever_comes_of_it_for_all_instances_together() {
    let usual = RefetchInterval::default();
    assert_eq!(asked_at(usual, 14, |_, _| {}), [3, 6, 9, 12]);
    let given = RefetchInterval::every(Duration::from_secs(10));
    assert_eq!(asked_at(given, 31, |_, _| {}), [10, 20, 30]);
    let faults: [fn(&Provider) -> &AtomicBool; 2] = [|provider| &provider.down, |provider| &provider.busy];
    for fault in faults {
        let fail = |provider: &Provider, _: &tempfile::TempDir| fault(provider).store(true, Ordering::SeqCst);
        assert_eq!(asked_at(given, 31, fail), [10, 20, 30]);
        assert_eq!(asked_at(usual, 109, fail), [3, 6, 12, 24, 48, 78, 108]);
    }
}

#[test]
fn instances_without_their_directory_renew_at_the_slowest_pace_each() {
    let gone =
        |_: &Provider, directory: &tempfile::TempDir| std::fs::remove_dir_all(directory.path()).unwrap();
    // Each of the three instances has its turn every third second.
    assert_eq!(
        asked_at(RefetchInterval::default(), 64, gone),
        [30, 31, 32, 60, 61, 62]
    );
}

#[test]
fn a_fetch_that_succeeded_since_ends_the_longer_pause() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, [platform]) = Machines::in_directory(&directory);
    let mut instance = instance_on(platform, &provider.url, LONG);
    let seen = instance.now().unwrap();
    provider.down.store(true, Ordering::SeqCst);
    for second in [3, 6, 12, 24] {
        machines.at(second);
        assert_eq!(*instance.renew(&seen, RefetchInterval::default()), 1);
    }
    assert_eq!(provider.calls(), 5);
    provider.down.store(false, Ordering::SeqCst);
    machines.at(47);
    assert_eq!(*instance.renew(&seen, RefetchInterval::default()), 1, "too soon");
    machines.at(48);
    let newer = instance.renew(&seen, RefetchInterval::default());
    assert_eq!(*newer, 6);
    machines.at(51);
    assert_eq!(*instance.renew(&newer, RefetchInterval::default()), 7);
}

#[test]
fn an_attempt_that_was_cut_off_counts_and_holds_nobody_up() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, [platform, other]) = Machines::in_directory(&directory);
    let (mut killed, mut other) = (
        instance_on(platform, &provider.url, LONG),
        instance_on(other, &provider.url, LONG),
    );
    let (_, seen) = (killed.now().unwrap(), other.now().unwrap());
    machines.at(10);
    let two_seconds = Duration::from_secs(2);
    let attempt = Attempt::new(killed.instance.platform.now(), two_seconds, 1);
    killed.untyped().note(attempt);
    for (second, calls) in [(10, 1), (12, 1), (13, 2)] {
        machines.at(second);
        other.renew(&seen, RefetchInterval::default());
        assert_eq!(provider.calls(), calls, "{second}");
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_end_renewing() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, [platform]) = Machines::in_directory(&directory);
    machines.at(100_000);
    let mut instance = instance_on(platform, &provider.url, LONG);
    let seen = instance.now().unwrap();
    machines.at(100_010);
    assert_eq!(*instance.renew(&seen, RefetchInterval::default()), 2);
    machines.at(0);
    let newer = instance.renew(&seen, RefetchInterval::default());
    machines.at(1);
    let newest = instance.renew(&newer, RefetchInterval::default());
    machines.at(2);
    assert!(Rc::ptr_eq(
        &instance.renew(&newest, RefetchInterval::default()),
        &newest
    ));
    machines.at(4);
    assert_eq!(*instance.renew(&newest, RefetchInterval::default()), 4);
}

#[test]
fn those_whose_value_does_not_do_at_the_same_time_get_the_new_one_by_one_fetch() {
    let (provider, directory) = (
        Provider::start(Duration::from_millis(100)),
        tempfile::tempdir().unwrap(),
    );
    instance(&provider.url, &directory, LONG).now().unwrap();
    let barrier = std::sync::Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut instance = instance(&provider.url, &directory, LONG);
                let seen = instance.now().unwrap();
                barrier.wait();
                // This pause is over by now, and no other one begins while the test lasts.
                std::thread::sleep(Duration::from_millis(1000));
                assert_eq!(
                    *instance.renew(&seen, RefetchInterval::every(Duration::from_millis(900))),
                    2
                );
            });
        }
    });
    assert_eq!(provider.calls(), 2);
}

#[test]
fn an_attempt_that_hangs_does_not_hold_the_others_up_for_as_long() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instances = [(); 2].map(|()| instance(&provider.url, &directory, LONG));
    for instance in &mut instances {
        instance.now().unwrap();
    }
    drop(instances);
    provider.hangs.store(true, Ordering::SeqCst);
    let ended = AtomicBool::new(false);
    let renewed = || {
        let mut instance = instance(&provider.url, &directory, LONG);
        let seen = instance.now().unwrap();
        *instance.renew(&seen, RefetchInterval::every(Duration::ZERO))
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let number = renewed();
            ended.store(true, Ordering::SeqCst);
            number
        });
        while provider.calls() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(renewed(), 1);
        assert!(
            !ended.load(Ordering::SeqCst),
            "it has waited for all of the attempt"
        );
        provider.hangs.store(false, Ordering::SeqCst);
        assert!([1, 2].contains(&first.join().unwrap()));
    });
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_no_has_what_is_held_dropped_by_all_and_no_answer_does_not() {
    type Case = (fn(&Provider) -> &AtomicBool, bool);
    let cases: [Case; 3] = [
        (|provider| &provider.denies, true),
        (|provider| &provider.down, false),
        (|provider| &provider.busy, false),
    ];
    for (fault, is_dropped) in cases {
        let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
        let (machines, platforms) = Machines::in_directory::<3>(&directory);
        let mut instances = platforms.map(|platform| instance_on(platform, &provider.url, LONG));
        for instance in &mut instances {
            assert_eq!(*instance.now().unwrap(), 1);
        }
        fault(&provider).store(true, Ordering::SeqCst);
        // Due, and usable for long.
        machines.at(2900);
        let calls = provider.calls();
        for instance in &mut instances {
            match instance.now() {
                Ok(number) => assert!(!is_dropped && *number == 1),
                Err(unavailable) => assert!(is_dropped && unavailable.cause() == Cause::Denied),
            }
        }
        let outcome = instance_on(Rc::clone(&instances[0].instance.platform), &provider.url, LONG).now();
        assert_eq!(outcome.is_err(), is_dropped);
        if is_dropped {
            assert_eq!(provider.calls(), calls + 1, "one asked and told the others");
        }
        // A denied caller may be granted a value again.
        fault(&provider).store(false, Ordering::SeqCst);
        machines.at(2931);
        assert!(instances.iter_mut().all(|instance| *instance.now().unwrap() > 1));
    }
}

#[test]
fn a_no_reaches_those_whose_value_is_fresh_although_a_neighbour_has_taken_its_place() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (machines, platforms) = Machines::in_directory::<2>(&directory);
    let [mut one, mut other] = platforms.map(|platform| many_on(platform, &provider.url, 8));
    let [jane, joe] = neighbours(&provider.url);
    assert_eq!(one.of(&jane, &provider.url), Ok(1));
    assert_eq!(other.of(&joe, &provider.url), Ok(2));
    machines.at(1);
    assert_eq!(one.of(&jane, &provider.url), Ok(1), "in this instance's memory");
    provider.denies.store(true, Ordering::SeqCst);
    machines.at(2);
    let denied = other.of(&jane, &provider.url).unwrap_err();
    assert_eq!(denied.cause(), Cause::Denied);
    machines.at(3);
    assert_eq!(one.of(&jane, &provider.url).unwrap_err().cause(), Cause::Denied);
    assert_eq!(other.of(&joe, &provider.url), Ok(2), "joe was not denied");
    assert_eq!(provider.calls(), 3);
}

#[test]
fn what_was_dropped_does_not_come_back_from_a_directory_that_could_not_be_told() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut instance = instance(&provider.url, &directory, LONG);
    let seen = instance.now().unwrap();
    // No entry can replace a directory.
    std::fs::create_dir(directory.path().join(instance.untyped().discard_name())).unwrap();
    assert!(instance.discard(&seen, LONG));
    assert_eq!(*instance.now().unwrap(), 2);
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_renewed_value_reaches_every_instance_although_theirs_is_fresh() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (old, _) = (first.now().unwrap(), second.now().unwrap());
    assert_eq!(*first.renew(&old, RefetchInterval::every(Duration::ZERO)), 2);
    let begun = Instant::now();
    while *second.now().unwrap() != 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "the old value is still used"
        );
        std::thread::yield_now();
    }
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_discarded_value_is_fetched_anew_once_in_a_while() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (seen, also_seen) = (first.now().unwrap(), second.now().unwrap());
    assert!(first.discard(&seen, LONG));
    assert!(!second.discard(&also_seen, LONG), "discarded already");
    assert_eq!(*first.now().unwrap(), 2);
    let newer = second.now().unwrap();
    assert_eq!(*newer, 2);
    assert!(!second.discard(&newer, LONG), "too soon after the last time");
    assert!(second.discard(&newer, Duration::ZERO));
    assert_eq!(*second.now().unwrap(), 3);
    assert_eq!(provider.calls(), 3);
}

#[test]
fn a_discarded_value_is_soon_used_by_nobody_but_one_in_an_emptied_directory_still_is() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let (mut first, mut second) = (
        instance(&provider.url, &directory, LONG),
        instance(&provider.url, &directory, LONG),
    );
    let (seen, _) = (first.now().unwrap(), second.now().unwrap());
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::thread::sleep(LOOK_WHILE_FRESH);
    assert_eq!(*second.now().unwrap(), 1);
    assert!(first.discard(&seen, LONG));
    std::thread::sleep(LOOK_WHILE_FRESH);
    assert_eq!(*second.now().unwrap(), 2);
    assert_eq!(provider.calls(), 2);
}

#[test]
fn without_its_directory_an_instance_goes_on_by_itself() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let lifetime = Duration::from_secs(1);
    let mut instance = instance(&provider.url, &directory, lifetime);
    instance.now().unwrap();
    std::fs::remove_dir_all(directory.path()).unwrap();

    let begun = Instant::now();
    while begun.elapsed() < lifetime * 2 {
        instance.now().unwrap();
    }
    let seen = instance.now().unwrap();
    assert!(*seen > 1, "it was renewed");
    assert!(provider.calls() < 8, "but not for every request");

    assert!(instance.discard(&seen, LONG));
    let next = instance.now().unwrap();
    assert!(*next > *seen);
    assert!(!instance.discard(&next, LONG), "too soon after the last time");

    provider.down.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    while instance.now().is_ok() {
        assert!(begun.elapsed() < lifetime * 2);
    }
    let (calls, begun) = (provider.calls(), Instant::now());
    while begun.elapsed() < Duration::from_millis(100) {
        let reason = instance.now().unwrap_err().reason();
        assert_eq!(reason, Reason::IdentityProviderUnavailable);
    }
    assert!(
        provider.calls() <= calls + 1,
        "the breaker is this instance's own"
    );
    provider.down.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    while instance.now().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
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
    while instance.now().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    let status = std::fs::read_link(
        directory
            .path()
            .join(format!("{}.status", instance.resource().name.as_str())),
    )
    .unwrap();
    assert!(
        status.to_string_lossy().contains(r#""failures":0,"#),
        "{status:?}"
    );
}

#[test]
fn a_clock_that_is_set_by_an_hour_costs_a_fetch_and_no_wait() {
    const HOUR: i64 = 3600;
    let half_an_hour = Duration::from_secs(1800);
    for step in [HOUR, -HOUR] {
        for provider_is_down_at_the_step in [false, true] {
            let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
            let clock = Rc::new(TestMachine::in_directory(directory.path()));
            let mut instance = instance_on(Rc::clone(&clock) as _, &provider.url, half_an_hour);
            assert_eq!(*instance.now().unwrap(), 1);
            let down = |is_down| provider.down.store(is_down, Ordering::SeqCst);
            down(provider_is_down_at_the_step);
            clock.set_wall_clock_ahead(step);
            let begun = Instant::now();
            // Forward: the cached value seems to have expired. Back: its remaining lifetime is unknown.
            match provider_is_down_at_the_step {
                false => {}
                true if step > 0 => assert!(instance.now().is_err(), "{step}"),
                true => assert_eq!(*instance.now().unwrap(), 1, "{step}"),
            }
            down(false);
            while !instance.now().is_ok_and(|number| *number > 1) {
                assert!(begun.elapsed() < Duration::from_secs(2), "{step}");
            }
            let calls = provider.calls();
            std::thread::sleep(LOOK_WHILE_DUE);
            for _ in 0..100 {
                instance.now().unwrap();
            }
            assert_eq!(provider.calls(), calls, "{step}: once was enough");
            // The same when the clock is corrected.
            clock.set_wall_clock_ahead(0);
            let begun = Instant::now();
            while instance.now().is_err() || provider.calls() == calls {
                assert!(begun.elapsed() < Duration::from_secs(2), "{step}");
            }
            assert!(provider.calls() <= calls + 1, "{step}");
        }
    }
}

#[test]
fn callers_have_values_of_their_own_also_where_their_names_fall_together() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let [jane, joe] = neighbours(&provider.url);
    let mut one = many(&provider.url, &directory, 8);
    let mut other = many(&provider.url, &directory, 8);
    assert_eq!(one.of(&jane, &provider.url), Ok(1));
    assert_eq!(
        other.of(&jane, &provider.url),
        Ok(1),
        "shared by the state directory"
    );
    assert_eq!(one.of(&joe, &provider.url), Ok(2));
    for _ in 0..3 {
        assert_eq!(
            one.of(&jane, &provider.url),
            Ok(1),
            "still in the instance's memory"
        );
        assert_eq!(one.of(&joe, &provider.url), Ok(2));
    }
    assert_eq!(many(&provider.url, &directory, 8).of(&joe, &provider.url), Ok(2));
    assert_eq!(
        many(&provider.url, &directory, 8).of(&jane, &provider.url),
        Ok(3),
        "replaced by the neighbour's"
    );
}

#[test]
fn an_instance_holds_the_callers_it_saw_last() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let mut many = many(&provider.url, &directory, 2);
    for caller in ["1", "2", "1", "3", "1", "4"] {
        many.of(caller, &provider.url).unwrap();
    }
    let held: Vec<u8> = many.cached.iter().map(|(key, _)| key[0]).collect();
    assert_eq!(held, *b"14");
    assert_eq!(provider.calls(), 4, "the others are in the state directory");
}

#[test]
fn a_denied_caller_is_remembered_and_nobody_else_suffers() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let [jane, mallory] = neighbours(&provider.url);
    provider.denies.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        let mut instance = many(&provider.url, &directory, 8);
        let denied = instance.of(&mallory, &provider.url).unwrap_err();
        assert_eq!(denied.cause(), Cause::Denied);
        assert!(denied.retry_after_seconds() >= 29);
        assert!(instance.cached.is_empty());
    }
    assert_eq!(provider.calls(), 1);
    provider.denies.store(false, Ordering::SeqCst);
    assert_eq!(many(&provider.url, &directory, 8).of(&jane, &provider.url), Ok(2));
    let statuses = std::fs::read_dir(directory.path()).unwrap();
    let names: Vec<String> = statuses
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
}
