//! Sharing state through a real Redis. Each machine is a thread with its own state directory.

mod shared_many;
mod single_use;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use egress::platform::Native;
use egress::{ClientConfig, HttpClient, Platform, Url};
use harness::certificates::CertificateAuthority;
use harness::redis::Redis;
use middleware::{Event, Host as _, Secret, UnixTime};
use serde_json::{Value, json};
use shared_state::{
    Cause, Change, Content, Exchange, Failure, FetchError, Fetched, Lifetime, Resource, Seal, Shared,
    StateName, Store, StoreConfig,
};

const SECRET: &str = "0123456789abcdef";
const PASSWORD: &str = "pa55word-of-redis";
const LONG: Duration = Duration::from_secs(3600);

/// Answers each request with the next number.
struct Provider {
    url: String,
    calls: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    denies: Arc<AtomicBool>,
}

impl Provider {
    fn start(latency: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/value", listener.local_addr().unwrap());
        let (calls, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let denies = Arc::new(AtomicBool::new(false));
        let (counter, broken, denying) = (Arc::clone(&calls), Arc::clone(&down), Arc::clone(&denies));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, counter, broken) =
                    (stream.unwrap(), Arc::clone(&counter), Arc::clone(&broken));
                let denying = Arc::clone(&denying);
                std::thread::spawn(move || {
                    let _ = stream.read(&mut [0; 1024]);
                    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
                    std::thread::sleep(latency);
                    let status = match (broken.load(Ordering::SeqCst), denying.load(Ordering::SeqCst)) {
                        (true, _) => 500,
                        (_, true) => 403,
                        _ => 200,
                    };
                    let body = format!("value-{number}");
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}"
                    );
                });
            }
        });
        Self {
            url,
            calls,
            down,
            denies,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// The value that the provider issues for one user.
struct OneUsers {
    name: StateName,
    seal: Seal,
    url: Url,
    lifetime: Duration,
}

impl OneUsers {
    fn new(provider: &str, user: &str, lifetime: Duration) -> Self {
        Self {
            name: StateName::new("text", &[user]),
            seal: Seal::secret(&Secret::new("client-secret"), &[user]).unwrap(),
            url: Url::parse(provider).unwrap(),
            lifetime,
        }
    }
}

impl Resource for OneUsers {
    type Value = String;

    fn name(&self) -> &StateName {
        &self.name
    }
    fn kind(&self) -> &'static str {
        "text"
    }
    fn url(&self) -> &Url {
        &self.url
    }
    fn seal(&self) -> &Seal {
        &self.seal
    }
    fn encode(&self, value: &String) -> Vec<u8> {
        value.as_bytes().to_vec()
    }
    fn decode(&self, bytes: &[u8]) -> Option<String> {
        String::from_utf8(bytes.to_vec()).ok()
    }
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<String>, FetchError> {
        let response = send(
            &http::Request::get(self.url.uri().clone())
                .body(Vec::new())
                .unwrap(),
        )?;
        if response.status() == 403 {
            return Err(FetchError::Denied {
                detail: String::new(),
            });
        }
        if response.status() != 200 {
            return Err(FetchError::Unavailable {
                detail: response.status().to_string(),
                retry_after: Some(Duration::from_secs(20)),
            });
        }
        Ok(Fetched {
            value: self.decode(response.body()).unwrap(),
            lifetime: Lifetime {
                refresh_at: now.plus(self.lifetime * 8 / 10),
                usable_until: now.plus(self.lifetime),
            },
        })
    }
}

/// An instance on one machine.
struct Machine {
    shared: RefCell<Shared<OneUsers>>,
    log: Arc<Mutex<Vec<String>>>,
    _directory: tempfile::TempDir,
}

fn block(redis: &Redis) -> Value {
    json!({ "keyPrefix": "test:", "secret": SECRET, "redis": { "endpoints": [redis.endpoint()] } })
}

fn platform(directory: &Path) -> (Rc<Native>, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let native = Native::new(directory, move |event: &Event| {
        lines.lock().unwrap().push(event.line().to_owned());
    });
    (Rc::new(native), log)
}

fn store(block: &Value, platform: &Rc<Native>) -> Store {
    let config: StoreConfig = serde_json::from_value(block.clone()).unwrap();
    Store::new(&config, Rc::clone(platform) as Rc<dyn Platform>).unwrap()
}

impl Machine {
    fn new(block: &Value, provider: &str, user: &str, lifetime: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (native, log) = platform(directory.path());
        let platform: Rc<dyn Platform> = Rc::clone(&native) as _;
        let config: ClientConfig = serde_json::from_value(json!({ "timeoutSeconds": 2 })).unwrap();
        let client = Rc::new(HttpClient::new(Rc::clone(&platform), &config).unwrap());
        let shared = Shared::new(OneUsers::new(provider, user, lifetime), platform, client)
            .with_store(Rc::new(store(block, &native)))
            .unwrap();
        Self {
            shared: RefCell::new(shared),
            log,
            _directory: directory,
        }
    }

    fn of_jane(block: &Value, provider: &Provider) -> Self {
        Self::new(block, &provider.url, "jane", LONG)
    }

    fn get(&self) -> Result<Rc<String>, Failure> {
        let now = Native::new("/", |_| {}).now();
        self.shared.borrow_mut().get(now)
    }

    fn value(&self) -> String {
        self.get().unwrap().to_string()
    }

    fn discard(&self) {
        let seen = self.get().unwrap();
        assert!(self.shared.borrow_mut().discard(&seen, Duration::ZERO));
    }

    fn log(&self, code: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let is_it = |line: &&String| line.split(' ').next() == Some(&format!("code={code}"));
        log.iter().filter(is_it).cloned().collect()
    }
}

fn key_of(redis: &Redis, end: &str) -> String {
    let keys = redis.keys();
    let mut found = keys.iter().filter(|key| key.ends_with(end));
    match (found.next(), found.next()) {
        (Some(key), None) => key.clone(),
        _ => panic!("{keys:?}"),
    }
}

#[test]
fn of_several_machines_one_fetches() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(Duration::from_millis(400));
    let block = block(&redis);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let machine = Machine::of_jane(&block, &provider);
                assert_eq!(machine.value(), "value-1");
                assert_eq!(machine.log("store.failed"), [""; 0]);
            });
        }
    });
    assert_eq!(provider.calls(), 1);
    let late = Machine::of_jane(&block, &provider);
    assert_eq!(late.value(), "value-1");
    assert_eq!(
        (late.log("store.adopted").len(), late.log("fetch.done").len()),
        (1, 0)
    );
    assert_eq!(
        redis.keys().len(),
        1,
        "the lease was given back: {:?}",
        redis.keys()
    );
    let left: i64 = redis.command(&["PTTL", &redis.keys()[0]]).parse().unwrap();
    assert!(
        (LONG.as_millis() as i64 - 60_000..=LONG.as_millis() as i64).contains(&left),
        "{left}"
    );
}

#[test]
fn a_value_that_is_due_is_renewed_by_one_while_the_others_go_on() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(Duration::from_millis(100));
    let (block, begun) = (block(&redis), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let machine = Machine::new(&block, &provider.url, "jane", Duration::from_secs(2));
                while begun.elapsed() < Duration::from_secs(5) {
                    let asked = Instant::now();
                    machine.value();
                    assert!(asked.elapsed() < Duration::from_secs(2));
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    let calls = provider.calls();
    assert!(
        (2..=6).contains(&calls),
        "{calls} fetches in 5 s, with a refresh every 1.6 s"
    );
}

#[test]
fn every_way_to_reach_a_server_works_with_no_more_rights_than_needed() {
    let authority = CertificateAuthority::shared();
    let tls = json!({ "ca": authority.ca_pem() });
    let client = authority.issue_client("gateway");
    let mutual =
        json!({ "ca": authority.ca_pem(), "cert": client.certificate_pem(), "key": client.key_pem() });
    let user = |rest: &str| format!("user oic on >{PASSWORD} ~test:* {rest}");
    let least = user("-@all +get +mget +set +del +eval");
    let with_user = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        Redis::builder().with(&words)
    };
    let login = json!({ "username": "oic", "password": PASSWORD });
    for (what, server, options) in [
        ("plain", Redis::builder(), json!({})),
        (
            "password",
            Redis::builder().with(&["requirepass", PASSWORD]),
            json!({ "password": PASSWORD }),
        ),
        ("least rights", with_user(&least), login.clone()),
        ("a database", Redis::builder(), json!({ "database": 3 })),
        ("TLS", Redis::builder().tls(), json!({ "tls": tls })),
        (
            "mutual TLS",
            Redis::builder().tls().with(&["tls-auth-clients", "yes"]),
            json!({ "tls": mutual }),
        ),
    ] {
        let Some(redis) = server.start() else { return };
        let provider = Provider::start(Duration::ZERO);
        let mut block = block(&redis);
        merge(&mut block["redis"], &options);
        let machines = [(); 2].map(|()| Machine::of_jane(&block, &provider));
        for machine in &machines {
            assert_eq!(
                machine.value(),
                "value-1",
                "{what}: {:?}",
                machine.log("store.failed")
            );
        }
        machines[0].discard();
        assert_eq!(redis.keys(), [""; 0], "{what}");
        assert_eq!(machines[0].value(), "value-2", "{what}");
        for machine in &machines {
            assert_eq!(machine.log("store.failed"), [""; 0], "{what}");
        }
        assert_eq!(provider.calls(), 2, "{what}");
        assert!(key_of(&redis, "}").starts_with("test:{text-"), "{what}");
    }
}

#[test]
fn a_server_that_does_not_serve_us_costs_a_warning_and_a_call_to_the_provider() {
    let unrelated = CertificateAuthority::unrelated().ca_pem();
    let ca = CertificateAuthority::shared().ca_pem();
    let master = Redis::start();
    let Some(master) = master else { return };
    let port = master.port().to_string();
    let narrow = format!("user oic on >{PASSWORD} ~other:* +@all");
    let narrow: Vec<&str> = narrow.split(' ').collect();
    for (what, server, options) in [
        (
            "WRONGPASS",
            Redis::builder().with(&["requirepass", "another"]),
            json!({ "password": PASSWORD }),
        ),
        (
            "NOAUTH",
            Redis::builder().with(&["requirepass", PASSWORD]),
            json!({}),
        ),
        (
            "NOPERM",
            Redis::builder().with(&narrow),
            json!({ "username": "oic", "password": PASSWORD }),
        ),
        ("DB index", Redis::builder(), json!({ "database": 99 })),
        (
            "READONLY",
            Redis::builder().with(&["replicaof", "127.0.0.1", &port]),
            json!({}),
        ),
        ("OOM", Redis::builder().with(&["maxmemory", "1"]), json!({})),
        (
            "certificate",
            Redis::builder().tls(),
            json!({ "tls": { "ca": unrelated } }),
        ),
        (
            "check that the server speaks TLS",
            Redis::builder(),
            json!({ "tls": { "ca": ca } }),
        ),
        ("add store.redis.tls", Redis::builder().tls(), json!({})),
    ] {
        let Some(redis) = server.start() else { return };
        let provider = Provider::start(Duration::ZERO);
        let mut block = block(&redis);
        merge(&mut block["redis"], &options);
        let machines = [(); 2].map(|()| Machine::of_jane(&block, &provider));
        let begun = Instant::now();
        for (number, machine) in (1..).zip(&machines) {
            assert_eq!(machine.value(), format!("value-{number}"), "{what}");
            let complaints = machine.log("store.failed");
            assert_eq!(complaints.len(), 1, "{what}: {complaints:?}");
            let [complaint] = complaints.as_slice() else {
                panic!()
            };
            assert!(
                what.split('|').any(|word| complaint.contains(word)),
                "{what}: {complaint}"
            );
            for secret in [PASSWORD, SECRET, "client-secret", "value-"] {
                assert!(!complaint.contains(secret), "{complaint}");
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{what}");
    }
}

#[test]
fn a_user_who_may_not_run_a_command_leaves_no_lease_behind_and_the_log_names_command_and_cure() {
    let needed = ["get", "mget", "set", "del", "eval"];
    let keys = format!("user oic on >{PASSWORD} ~test:* -@all");
    for denied in needed {
        let rights = needed
            .iter()
            .filter(|name| **name != denied)
            .map(|name| format!(" +{name}"));
        let user = format!("{keys}{}", rights.collect::<String>());
        let words: Vec<&str> = user.split(' ').collect();
        let Some(redis) = Redis::builder().with(&words).start() else {
            return;
        };
        let provider = Provider::start(Duration::ZERO);
        let mut block = block(&redis);
        merge(
            &mut block["redis"],
            &json!({ "username": "oic", "password": PASSWORD }),
        );
        for number in 1..=2 {
            let machine = Machine::of_jane(&block, &provider);
            let asked = Instant::now();
            assert_eq!(machine.value(), format!("value-{number}"), "{denied}");
            // Without the store, an instance does not wait for other instances.
            assert!(
                asked.elapsed() < Duration::from_secs(2),
                "{denied}: {:?}",
                asked.elapsed()
            );
            let complaints = machine.log("store.failed").concat();
            for told in [
                &format!("the server does not permit {}", denied.to_uppercase()),
                "NOPERM",
                "+get +mget +set +del +eval",
            ] {
                assert!(complaints.contains(told), "{denied}: {complaints}");
            }
        }
        let left = redis.keys();
        assert!(
            left.iter().all(|key| key.contains(".rights.")),
            "{denied}: {left:?}"
        );
    }
}

#[test]
fn a_server_that_dies_or_hangs_and_comes_back_is_left_and_used_again() {
    let Some(mut redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::ZERO), block(&redis));
    let machine = Machine::new(&block, &provider.url, "jane", Duration::from_secs(2));
    assert_eq!(machine.value(), "value-1");
    type Act = fn(&mut Redis);
    let acts: [(Act, Act); 2] = [(Redis::kill, Redis::restart), (|it| it.freeze(), |it| it.thaw())];
    for (round, (down, up)) in (1..).zip(acts) {
        down(&mut redis);
        let begun = Instant::now();
        while machine.log("store.failed").len() < round {
            let asked = Instant::now();
            machine.value();
            assert!(
                asked.elapsed() < Duration::from_millis(2500),
                "{:?}",
                asked.elapsed()
            );
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
        up(&mut redis);
        while machine.log("store.back").len() < round {
            machine.value();
            assert!(begun.elapsed() < Duration::from_secs(40));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(
        machine.log("store.failed").len() <= 4,
        "{:?}",
        machine.log("store.failed")
    );
}

#[test]
fn nobody_else_can_read_or_make_a_value() {
    let Some(redis) = Redis::start() else { return };
    let (provider, ours) = (Provider::start(Duration::ZERO), block(&redis));
    let jane = Machine::of_jane(&ours, &provider);
    assert_eq!(jane.value(), "value-1");
    let janes = key_of(&redis, "}");
    let everything = redis.everything();
    for secret in ["value-1", SECRET, "client-secret", "jane"] {
        assert!(!everything.contains(secret), "{everything}");
    }

    // Another user's value under Jane's name.
    let joe = Machine::new(&ours, &provider.url, "joe", LONG);
    assert_eq!(joe.value(), "value-2");
    let joes = redis.keys().into_iter().find(|key| *key != janes).unwrap();
    let old = redis.command(&["GET", &janes]);
    redis.command(&["COPY", &joes, &janes, "REPLACE"]);
    let wary = Machine::of_jane(&ours, &provider);
    assert_eq!(wary.value(), "value-3");
    assert_eq!(wary.log("store.foreign").len(), 1);

    // A value with another secret, and invalid values.
    let mut other = ours.clone();
    other["secret"] = json!("another-secret-!");
    let stranger = Machine::of_jane(&other, &provider);
    assert_eq!(stranger.value(), "value-4");
    assert_eq!(stranger.log("store.foreign").len(), 1);
    for rubbish in [
        "",
        "s.AAAA.AAAA",
        "\u{1f980}",
        &format!("{old}A"),
        &old[..old.len() - 1],
    ] {
        redis.command(&["SET", &janes, rubbish]);
        let before = provider.calls();
        Machine::of_jane(&ours, &provider).value();
        assert_eq!(provider.calls(), before + 1, "{rubbish:?}");
    }
    redis.command(&["DEL", &janes]);
    redis.command(&["LPUSH", &janes, "a list"]);
    Machine::of_jane(&ours, &provider).value();

    // An old value of ours stays valid until it expires. Replaying it is all that the owner of the store can do.
    redis.command(&["SET", &janes, &old]);
    assert_eq!(Machine::of_jane(&ours, &provider).value(), "value-1");
}

#[test]
fn a_failure_is_no_value_and_is_told_to_the_others() {
    let Some(redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::ZERO), block(&redis));
    provider.down.store(true, Ordering::SeqCst);
    // All machines honour the Retry-After of the failure.
    let machines = [(); 3].map(|()| Machine::of_jane(&block, &provider));
    for machine in &machines {
        let refused = machine.get().unwrap_err();
        assert!((15..=20).contains(&refused.retry_after_seconds()), "{refused:?}");
        assert_eq!(machine.log("fetch.failed").len(), 1);
    }
    let calls = provider.calls();
    assert_eq!(calls, 1);
    let failure = key_of(&redis, ".fail");
    redis.command(&["RENAME", &failure, failure.trim_end_matches(".fail")]);
    provider.down.store(false, Ordering::SeqCst);
    let next = Machine::of_jane(&block, &provider);
    assert_eq!(next.value(), format!("value-{}", calls + 1));
    assert_eq!(next.log("store.foreign").len(), 1);
}

#[test]
fn what_was_denied_to_one_machine_is_dropped_by_the_others_when_it_is_due() {
    let Some(redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::ZERO), block(&redis));
    let lifetime = Duration::from_secs(10);
    let machines = [(); 3].map(|()| Machine::new(&block, &provider.url, "jane", lifetime));
    assert_eq!([0, 1, 2].map(|number| machines[number].value()), ["value-1"; 3]);
    provider.denies.store(true, Ordering::SeqCst);
    // The value is now due for renewal, but could be used for two more seconds.
    std::thread::sleep(lifetime * 8 / 10);
    for machine in &machines {
        assert_eq!(machine.get().unwrap_err().cause(), Cause::Denied);
    }
    assert_eq!(
        provider.calls(),
        2,
        "only one machine asked, and the others learned from it"
    );
    assert_eq!(redis.keys(), [key_of(&redis, ".fail")]);
}

#[test]
fn a_discarded_value_comes_back_to_nobody_who_discarded_it() {
    let Some(redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::ZERO), block(&redis));
    let machines = [(); 3].map(|()| Machine::of_jane(&block, &provider));
    let [one, other, third] = &machines;
    assert_eq!([one, other, third].map(Machine::value), ["value-1"; 3]);
    let key = key_of(&redis, "}");
    let old = redis.command(&["GET", &key]);
    one.discard();
    assert_eq!(redis.keys(), [""; 0]);
    // A server that lost its last writes restores the value.
    redis.command(&["SET", &key, &old]);
    assert_eq!(one.value(), "value-2");
    assert_ne!(redis.command(&["GET", &key]), old);
    // The other machines notice on their own, and take the value that the first one fetched.
    other.discard();
    assert_eq!(redis.keys(), [key.as_str()], "another value is not removed");
    assert_eq!(other.value(), "value-2");
    third.discard();
    assert_eq!(third.value(), "value-2");
    assert_eq!(provider.calls(), 2);
}

#[test]
fn a_machine_that_died_at_it_is_waited_for_until_its_lease_ends() {
    let Some(redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::from_millis(200)), block(&redis));
    Machine::of_jane(&block, &provider).value();
    let key = key_of(&redis, "}");
    redis.command(&["DEL", &key]);
    redis.command(&["SET", &format!("{key}.lock"), "the dead one's", "PX", "1500"]);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(Machine::of_jane(&block, &provider).value(), "value-2"));
        }
    });
    let waited = begun.elapsed();
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(4)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(provider.calls(), 2);

    // A lease without an end is respected only as long as a lease can last.
    redis.command(&["DEL", &key]);
    redis.command(&["SET", &format!("{key}.lock"), "a mischief-maker's"]);
    let begun = Instant::now();
    assert_eq!(Machine::of_jane(&block, &provider).value(), "value-3");
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}

#[test]
fn a_replacement_happens_once_for_all_machines_and_a_lease_has_one_owner() {
    let Some(redis) = Redis::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let (native, _) = platform(directory.path());
    let store = store(&block(&redis), &native);
    let seal = Seal::secret(&Secret::new("client-secret"), &["jane"]).unwrap();
    let slot = store
        .key(&StateName::new("refresh", &["jane"]), &seal, "")
        .unwrap();
    let apply = |change: Change<'_>| {
        let mut done = Vec::new();
        let visited = store.session(Duration::ZERO, &|| {}, &mut |session| {
            done = session.apply(&[change])?;
            Ok(())
        });
        visited.unwrap();
        done[0]
    };
    let found = || {
        let mut found = Vec::new();
        let visited = store.session(Duration::ZERO, &|| {}, &mut |session| {
            found = session.get(&[&slot])?;
            Ok(())
        });
        visited.unwrap();
        match found.remove(0) {
            Content::Ours(kept) => Some(kept),
            Content::Nothing => None,
            Content::Foreign => panic!(),
        }
    };
    let plain = || String::from_utf8(found().unwrap().plain().to_vec()).unwrap();

    assert!(found().is_none());
    assert!(apply(Change::Replace(&slot, None, b"one", LONG)));
    assert!(!apply(Change::Replace(&slot, None, b"another one", LONG)));
    assert_eq!(plain(), "one");
    let one = found().unwrap();
    assert!(apply(Change::Replace(&slot, Some(&one), b"two", LONG)));
    assert!(
        !apply(Change::Replace(&slot, Some(&one), b"three", LONG)),
        "it has already been replaced"
    );
    assert_eq!(plain(), "two");
    assert!(!apply(Change::RemoveFound(&slot, &one)));
    assert!(apply(Change::RemoveFound(&slot, &found().unwrap())));
    assert!(found().is_none());

    let take = |lease| {
        let mut is_taken = false;
        let visited = store.session(Duration::ZERO, &|| {}, &mut |session| {
            is_taken = session.take(lease, &[&slot])?.0;
            Ok(())
        });
        visited.unwrap();
        is_taken
    };
    let (mine, yours) = (store.lease(&slot, LONG), store.lease(&slot, LONG));
    assert!(take(&mine) && take(&mine) && !take(&yours));
    assert!(!apply(Change::GiveBack(&yours)));
    assert!(!take(&yours));
    assert!(apply(Change::GiveBack(&mine)));
    assert!(take(&yours));
}

#[test]
fn behind_a_sentinel_the_master_is_found_and_found_again() {
    let Some(master) = Redis::start() else { return };
    let Some(next) = Redis::start() else { return };
    let monitor = format!("sentinel monitor main 127.0.0.1 {} 1", master.port());
    let sentinel = Redis::builder().sentinel().configuration(&monitor).start();
    let Some(sentinel) = sentinel else { return };
    let provider = Provider::start(Duration::ZERO);
    let mut block = block(&sentinel);
    block["redis"]["sentinel"] = json!({ "masterSet": "main" });
    let machine = Machine::of_jane(&block, &provider);
    assert_eq!(machine.value(), "value-1");
    assert_eq!(master.keys().len(), 1);
    assert_eq!(Machine::of_jane(&block, &provider).value(), "value-1");

    // These commands have the effect of a failover.
    drop(master);
    sentinel.command(&["SENTINEL", "REMOVE", "main"]);
    sentinel.command(&[
        "SENTINEL",
        "MONITOR",
        "main",
        "127.0.0.1",
        &next.port().to_string(),
        "1",
    ]);
    machine.discard();
    assert_eq!(machine.value(), "value-2");
    assert_eq!(next.keys().len(), 1);
    assert_eq!(machine.log("store.failed"), [""; 0]);
}

#[test]
fn in_a_cluster_every_resource_is_found_on_its_server() {
    let node = || Redis::builder().cluster().start();
    let Some(one) = node() else { return };
    let Some(other) = node() else { return };
    one.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    other.command(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    one.meet(&other);
    let begun = Instant::now();
    for node in [&one, &other] {
        while !node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            assert!(begun.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let provider = Provider::start(Duration::ZERO);
    let mut block = block(&one);
    block["redis"]["cluster"] = json!({});
    for number in 1..=8 {
        let user = format!("user-{number}");
        for _ in 0..2 {
            let machine = Machine::new(&block, &provider.url, &user, LONG);
            assert_eq!(machine.value(), format!("value-{number}"));
            assert_eq!(machine.log("store.failed"), [""; 0]);
        }
    }
    let on = |node: &Redis| node.command(&["DBSIZE"]).parse::<usize>().unwrap();
    assert_eq!(on(&one) + on(&other), 8);
    assert!(on(&one) > 0 && on(&other) > 0, "{} {}", on(&one), on(&other));
}

fn merge(target: &mut Value, patch: &Value) {
    for (name, value) in patch.as_object().unwrap() {
        target[name] = value.clone();
    }
}
