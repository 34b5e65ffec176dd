//! The store with servers whose answers a test chooses.
#![allow(clippy::disallowed_methods)] // the test's own clock

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use egress::platform::Native;
use middleware::Event;
use serde_json::{Value, json};

use super::scripted::{Answer, Scripted, empty, say};
use super::*;
use crate::state::{Seal, StateName};

const PASSWORD: &str = "hunter2-password";

/// A store and its log.
struct Fixture {
    store: Store,
    key: StoreKey,
    log: Arc<Mutex<Vec<String>>>,
    _directory: tempfile::TempDir,
}

impl Fixture {
    /// A store whose rights are known from an earlier use.
    fn new(redis: &Value) -> Self {
        Self::with(redis, true)
    }

    fn with(redis: &Value, rights_are_known: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let native = Native::new(directory.path(), move |event: &Event| {
            lines.lock().unwrap().push(event.line().to_owned());
        });
        let block = json!({ "secret": "0123456789abcdef", "keyPrefix": "test:", "redis": redis });
        let config: StoreConfig = middleware::config::parse(block.to_string().as_bytes()).unwrap();
        let store = Store::new(&config, Rc::new(native)).unwrap();
        if rights_are_known {
            let platform = &*store.platform;
            store.health.borrow_mut().note(platform, 0, None);
        }
        let key = store
            .key(&StateName::new("token", &["x"]), &Seal::public(&["x"]), "")
            .unwrap();
        log.lock().unwrap().clear();
        Self {
            store,
            key,
            log,
            _directory: directory,
        }
    }

    fn get(&self) -> Result<Vec<Content>, StoreError> {
        let mut found = Vec::new();
        self.store.session(Duration::ZERO, &|| {}, &mut |session| {
            found = session.get(&[&self.key])?;
            Ok(())
        })?;
        Ok(found)
    }

    fn put(&self) -> Result<Vec<bool>, StoreError> {
        let change = [Change::Put(&self.key, b"x", Duration::from_secs(1))];
        let mut made = Vec::new();
        self.store.session(Duration::ZERO, &|| {}, &mut |session| {
            made = session.apply(&change)?;
            Ok(())
        })?;
        Ok(made)
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the store is tried again after a failure.
    fn wait_for_the_pause(&self) {
        let begun = Instant::now();
        while self.get() == Err(StoreError::Resting) {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn credentials_and_database_come_first_and_what_is_changed_waits_for_their_answer() {
    for (redis, greeting) in [
        (json!({}), vec![]),
        (json!({ "password": PASSWORD }), vec!["AUTH hunter2-password"]),
        (
            json!({ "username": "oic", "password": PASSWORD, "database": 3 }),
            vec!["AUTH oic hunter2-password", "SELECT 3"],
        ),
    ] {
        let server = Scripted::start(empty);
        let mut redis = redis;
        redis["endpoints"] = json!([server.endpoint]);
        let fixture = Fixture::new(&redis);
        assert_eq!(fixture.get(), Ok(vec![Content::Nothing]));
        assert_eq!(fixture.put(), Ok(vec![true]));
        let heard = server.heard();
        let (get, put) = heard.split_at(greeting.len() + 1);
        assert_eq!(get[..greeting.len()], greeting);
        assert_eq!(put[..greeting.len()], greeting);
        assert_eq!(get.last().unwrap(), &format!("MGET {}", fixture.key.as_str()));
        assert!(put.last().unwrap().starts_with("SET test:{token-"), "{put:?}");
        assert!(put.last().unwrap().ends_with(" PX 1000"), "{put:?}");
    }
    // The selected database does not exist: nothing may be written to database 0.
    let server = Scripted::start(|command| match command {
        "SELECT 1" => say("-ERR DB index is out of range"),
        other => empty(other),
    });
    let fixture = Fixture::new(&json!({ "endpoints": [server.endpoint], "database": 1 }));
    assert!(matches!(
        fixture.put(),
        Err(StoreError::Refused {
            command: "SELECT",
            ..
        })
    ));
    assert_eq!(server.heard(), ["SELECT 1"]);
}

#[test]
fn whatever_goes_wrong_is_an_error_in_time_and_logged_once_without_secrets() {
    type Script = fn(&str) -> Answer;
    let scripts: [(Script, &str); 12] = [
        (
            |_| say("-LOADING Redis is loading the dataset in memory"),
            "LOADING",
        ),
        (|_| say("-NOAUTH Authentication required."), "NOAUTH"),
        (
            |command| say(&format!("-ERR unknown command, with args: {command}")),
            "the server refused AUTH: ERR",
        ),
        (|_| say("-hunter2-password"), "the server refused AUTH"),
        (|_| say("-MOVED 1 127.0.0.1:1"), "set store.redis.cluster"),
        (|_| say("HTTP/1.1 400 Bad Request"), "it answers in HTTP"),
        (|_| say("\u{15}\u{3}\u{1}"), "it answers in TLS"),
        (|_| say("$9999999999"), "not in the protocol of Redis"),
        (
            |command| match command.starts_with("AUTH") {
                true => say("+OK"),
                false => say("*2\r\n$-1\r\n$-1"),
            },
            "not in the protocol of Redis",
        ),
        (|_| say("+OK\r\n+OK"), "not in the protocol of Redis"),
        (|_| Answer::Hang, "the deadline passed"),
        (|_| Answer::Close, "closed the connection without an answer"),
    ];
    for (script, expected) in scripts {
        let server = Scripted::start(script);
        let fixture = Fixture::new(&json!({ "endpoints": [server.endpoint], "password": PASSWORD }));
        let begun = Instant::now();
        let error = fixture.get().unwrap_err().to_string();
        assert!(
            begun.elapsed() < TIME_LIMIT * 2,
            "{expected}: {:?}",
            begun.elapsed()
        );
        assert!(error.contains(expected), "{error}");
        assert_eq!(fixture.get(), Err(StoreError::Resting), "{expected}");
        assert_eq!(server.connections(), 1, "{expected}");
        fixture.wait_for_the_pause();
        assert_eq!(server.connections(), 2, "{expected}");
        let log = fixture.log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].starts_with("code=store.failed "), "{log:?}");
        assert!(!log[0].contains(PASSWORD) && !error.contains(PASSWORD), "{log:?}");
    }
}

#[test]
fn a_store_that_is_back_is_used_again_and_the_log_says_so() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let server = Scripted::start(move |command| match is_down.load(Ordering::SeqCst) {
        true => Answer::Close,
        false => empty(command),
    });
    let fixture = Fixture::new(&json!({ "endpoints": [server.endpoint] }));
    assert!(fixture.get().is_err());
    down.store(false, Ordering::SeqCst);
    fixture.wait_for_the_pause();
    assert!(fixture.get().is_ok());
    let codes: Vec<String> = fixture
        .log()
        .iter()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(codes, ["code=store.failed", "code=store.back"]);
}

#[test]
fn the_endpoints_are_tried_in_order_and_the_one_that_serves_is_remembered() {
    let good = Scripted::start(empty);
    let replica = Scripted::start(|command| match command.starts_with("SET") {
        true => say("-READONLY You can't write against a read only replica."),
        false => empty(command),
    });
    let fixture = Fixture::new(&json!({ "endpoints": ["127.0.0.1:1", replica.endpoint, good.endpoint] }));
    assert!(fixture.get().is_ok());
    assert_eq!((replica.connections(), good.connections()), (1, 0));
    assert!(fixture.put().is_ok());
    assert_eq!((replica.connections(), good.connections()), (2, 1));
    assert!(fixture.put().is_ok());
    assert_eq!((replica.connections(), good.connections()), (2, 2));
    assert_eq!(fixture.log(), [""; 0]);
}

#[test]
fn an_endpoint_that_hangs_costs_its_time_once() {
    let hanging = Scripted::start(|_| Answer::Hang);
    let good = Scripted::start(empty);
    let fixture = Fixture::new(&json!({ "endpoints": [hanging.endpoint, good.endpoint] }));
    assert!(fixture.get().is_err());
    fixture.wait_for_the_pause();
    assert!(fixture.get().is_ok());
    assert_eq!(hanging.connections(), 1);
}

#[test]
fn sentinels_name_the_master_and_are_asked_again_when_it_fails() {
    let masters = [Scripted::start(empty), Scripted::start(empty)];
    let failed = Arc::new(AtomicBool::new(false));
    let has_failed = Arc::clone(&failed);
    let first = Scripted::start({
        let failed = Arc::clone(&failed);
        move |command| match failed.load(Ordering::SeqCst) {
            true => Answer::Close,
            false => empty(command),
        }
    });
    let [second, _] = &masters;
    let ports: [String; 2] =
        [&first, second].map(|server| server.endpoint.split(':').nth(1).unwrap().to_owned());
    let sentinel = Scripted::start(move |command| match command {
        "AUTH s3cret" => say("+OK"),
        "SENTINEL get-master-addr-by-name main" => {
            let port = &ports[usize::from(has_failed.load(Ordering::SeqCst))];
            say(&format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}", port.len()))
        }
        "SENTINEL get-master-addr-by-name other" => say("*-1"),
        other => panic!("{other}"),
    });
    let redis = |set: &str| {
        json!({
            "endpoints": ["127.0.0.1:1", sentinel.endpoint],
            "password": PASSWORD,
            "sentinel": { "masterSet": set, "password": "s3cret" },
        })
    };
    let fixture = Fixture::new(&redis("main"));
    assert!(fixture.get().is_ok());
    assert!(fixture.get().is_ok());
    assert_eq!((sentinel.connections(), first.connections()), (1, 2));
    assert_eq!(first.heard()[0], format!("AUTH {PASSWORD}"));
    failed.store(true, Ordering::SeqCst);
    assert!(fixture.get().is_ok());
    assert_eq!((sentinel.connections(), second.connections()), (2, 1));
    assert_eq!(Fixture::new(&redis("other")).get(), Err(StoreError::NoMaster));
}

#[test]
fn a_cluster_sends_us_on_once() {
    let other = Scripted::start(empty);
    for (word, asking) in [("MOVED", false), ("ASK", true)] {
        let there = other.endpoint.clone();
        let first = Scripted::start(move |_| say(&format!("-{word} 3999 {there}")));
        let before = other.heard().len();
        let fixture = Fixture::new(&json!({ "endpoints": [first.endpoint], "cluster": {} }));
        assert_eq!(fixture.get(), Ok(vec![Content::Nothing]));
        let said = other.heard().split_off(before);
        assert_eq!(said[0] == "ASKING", asking, "{said:?}");
        assert!(fixture.get().is_ok());
        let asked_again = if asking { 2 } else { 1 };
        assert_eq!(first.connections(), asked_again, "{word}");
    }
    // A cluster that redirects endlessly.
    let endless = Scripted::start(|_| say("-MOVED 1 :1"));
    let fixture = Fixture::new(&json!({ "endpoints": [endless.endpoint], "cluster": {} }));
    assert!(fixture.get().is_err());
    assert_eq!(endless.connections(), 1);
}

/// The answers of a server to a user who may not run `denied`.
fn denying(denied: &'static str) -> impl Fn(&str) -> Answer + Send + Sync {
    move |command| match command.split(' ').next() {
        Some(name) if name == denied => say(&format!(
            "-NOPERM User oic has no permissions to run the '{}' command",
            denied.to_lowercase()
        )),
        _ => empty(command),
    }
}

#[test]
fn a_command_that_is_not_permitted_is_found_out_before_anything_is_begun() {
    for denied in ["SET", "GET", "MGET", "EVAL", "DEL"] {
        let server = Scripted::start(denying(denied));
        let fixture = Fixture::with(&json!({ "endpoints": [server.endpoint] }), false);
        let error = fixture.get().unwrap_err();
        assert!(
            matches!(&error, StoreError::NoRight { command, .. } if *command == denied),
            "{error}"
        );
        fixture.wait_for_the_pause();
        let log = fixture.log();
        assert_eq!(log.len(), 1, "{log:?}");
        let told = [
            format!("error=\"the server does not permit {denied}: NOPERM"),
            "cure=".to_owned(),
            "+get +mget +set +del +eval".to_owned(),
        ];
        assert!(told.iter().all(|part| log[0].contains(part)), "{log:?}");
        for command in server.heard() {
            assert!(command.contains(".rights."), "{command}");
        }
    }
}

#[test]
fn rights_are_tried_at_the_first_use_and_again_after_a_refusal_and_not_otherwise() {
    let may = Arc::new(AtomicBool::new(true));
    let server = Scripted::start({
        let may = Arc::clone(&may);
        move |command| match may.load(Ordering::SeqCst) {
            true => empty(command),
            false => denying("MGET")(command),
        }
    });
    let trials = || {
        let heard = server.heard();
        let is_trial = |command: &&String| command.starts_with("DEL ") && command.contains(".rights.");
        heard.iter().filter(is_trial).count()
    };
    let fixture = Fixture::with(&json!({ "endpoints": [server.endpoint] }), false);
    for _ in 0..3 {
        assert!(fixture.get().is_ok());
    }
    assert_eq!(trials(), 1);
    may.store(false, Ordering::SeqCst);
    assert!(matches!(
        fixture.get(),
        Err(StoreError::Refused { command: "MGET", .. })
    ));
    assert_eq!(trials(), 1);
    may.store(true, Ordering::SeqCst);
    fixture.wait_for_the_pause();
    assert!(fixture.get().is_ok());
    assert_eq!(trials(), 2);
}

#[test]
fn a_read_only_replica_is_not_a_lack_of_rights() {
    let replica = Scripted::start(|command| match command.starts_with("MGET") {
        true => empty(command),
        false => say("-READONLY You can't write against a read only replica."),
    });
    let fixture = Fixture::with(&json!({ "endpoints": [replica.endpoint] }), false);
    assert!(fixture.get().is_ok());
    assert!(matches!(
        fixture.put(),
        Err(StoreError::Refused { command: "SET", .. })
    ));
}

#[test]
fn a_server_with_another_kind_of_connection_is_named_with_the_cure() {
    // A plain Redis does the same: it waits for the end of the line.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = plain.local_addr().unwrap().to_string();
    let fixture = Fixture::new(&json!({ "endpoints": [endpoint], "tls": {} }));
    let error = fixture.get().unwrap_err().to_string();
    assert!(error.contains("check that the server speaks TLS"), "{error}");
    let log = fixture.log().concat();
    assert!(log.contains("leave out store.redis.tls"), "{log}");
}
