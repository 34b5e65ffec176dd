//! A single-use secret that is kept in the store.

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use egress::Platform;
use harness::redis::Redis;
use middleware::Secret;
use serde_json::{Value, json};
use shared_state::{PlaceError, Replaced, Seal, SingleUse, UseError};

use super::{block, key_of, platform, store};

const SPAN: Duration = Duration::from_secs(20);

/// An instance on one machine, with its state directory.
struct Machine {
    secret: SingleUse,
    directory: tempfile::TempDir,
}

fn in_directory(directory: &Path) -> SingleUse {
    let (seal, platform) = (seal(), platform(directory).0);
    SingleUse::in_directory(seal.name("grant", &[]), seal, platform as Rc<dyn Platform>)
}

fn in_store(block: &Value, directory: &Path) -> SingleUse {
    let (seal, platform) = (seal(), platform(directory).0);
    let (name, store) = (seal.name("grant", &[]), Rc::new(store(block, &platform)));
    SingleUse::in_store(name, seal, platform as Rc<dyn Platform>, store, SPAN).unwrap()
}

fn seal() -> Seal {
    Seal::secret(&Secret::new("refresh-token-key"), &["https://idcs", "app"]).unwrap()
}

impl Machine {
    fn new(block: &Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = in_store(block, directory.path());
        Self { secret, directory }
    }

    fn put(&self, secret: &str) {
        self.secret.put(&Secret::new(secret)).unwrap();
    }

    /// Returns the secret that a use would get.
    fn sees(&self) -> Result<String, UseError> {
        let using = self.secret.begin(SPAN)?;
        let secret = using.secret().expose().to_owned();
        using.give_back();
        Ok(secret)
    }

    /// Waits until the instance uses the store again after a failure.
    fn waits_for_the_store(&self) -> String {
        let begun = Instant::now();
        loop {
            match self.sees() {
                Ok(secret) => return secret,
                Err(UseError::Place(PlaceError::Store(_))) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn entries(&self) -> Vec<String> {
        std::fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("grant-"))
            .collect()
    }
}

#[test]
fn many_machines_at_once_never_use_it_together_and_no_successor_is_lost() {
    let Some(redis) = Redis::start() else { return };
    let block = block(&redis);
    Machine::new(&block).put("0");
    let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let machine = Machine::new(&block);
                while turns.load(Ordering::SeqCst) < 120 {
                    let using = match machine.secret.begin(SPAN) {
                        Ok(using) => using,
                        Err(UseError::Busy { .. }) => continue,
                        Err(error) => panic!("{error}"),
                    };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let number: usize = using.secret().expose().parse().unwrap();
                    assert_eq!(number, turns.fetch_add(1, Ordering::SeqCst));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    let successor = Secret::new((number + 1).to_string());
                    assert_eq!(using.replace(&successor), Ok(Replaced::Done));
                    assert_eq!(machine.entries(), [""; 0]);
                }
            });
        }
    });
    assert_eq!(redis.keys().len(), 1, "{:?}", redis.keys());
}

#[test]
fn a_use_is_the_only_one_until_it_ends_whichever_way() {
    let Some(redis) = Redis::start() else { return };
    let block = block(&redis);
    let [one, other] = [(); 2].map(|()| Machine::new(&block));
    assert_eq!(one.sees(), Err(UseError::Missing));
    one.put("first");
    assert_eq!(other.sees().unwrap(), "first");

    let using = one.secret.begin(SPAN).unwrap();
    for machine in [&one, &other] {
        assert!(matches!(machine.sees(), Err(UseError::Busy { left }) if left > SPAN));
    }
    using.give_back();
    assert_eq!(other.sees().unwrap(), "first");

    // An abandoned use ends by itself. If its holder gives it back late, that does not affect the use that follows.
    let abandoned = one.secret.begin(Duration::ZERO).unwrap();
    let begun = Instant::now();
    while other.sees().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(begun.elapsed() > Duration::from_secs(4), "{:?}", begun.elapsed());
    let following = other.secret.begin(SPAN).unwrap();
    abandoned.give_back();
    assert!(matches!(one.sees(), Err(UseError::Busy { .. })));
    assert_eq!(following.replace(&Secret::new("second")), Ok(Replaced::Done));
    assert_eq!(one.sees().unwrap(), "second");

    let using = one.secret.begin(SPAN).unwrap();
    assert_eq!(using.lose(), Ok(true));
    assert_eq!(other.sees(), Err(UseError::Lost));
    other.put("of another login");
    assert_eq!(one.sees().unwrap(), "of another login");

    // Somebody logs in during a use.
    for end in ["replace", "lose"] {
        let using = one.secret.begin(SPAN).unwrap();
        other.put("of the latest login");
        match end {
            "replace" => assert_eq!(using.replace(&Secret::new("late")), Ok(Replaced::Unwanted)),
            _ => assert_eq!(using.lose(), Ok(true), "it is the same secret"),
        }
    }
    let everything = redis.everything();
    assert!(!everything.contains("login"), "{everything}");
    assert_eq!(one.entries().len() + other.entries().len(), 0);
}

#[test]
fn a_successor_that_the_store_does_not_take_waits_in_the_directory_and_goes_there_later() {
    let Some(mut redis) = Redis::start() else { return };
    let block = block(&redis);
    let [one, other] = [(); 2].map(|()| Machine::new(&block));
    one.put("0");
    type Act = fn(&mut Redis);
    // In the second case, Redis has lost its data when it is back.
    let acts: [(Act, Act); 2] = [(|it| it.freeze(), |it| it.thaw()), (Redis::kill, Redis::restart)];
    for (round, (down, up)) in (1..).zip(acts) {
        let successor = round.to_string();
        let using = one.secret.begin(SPAN).unwrap();
        down(&mut redis);
        let begun = Instant::now();
        assert_eq!(using.replace(&Secret::new(&*successor)), Ok(Replaced::ForNow));
        assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
        assert_eq!(one.entries().len(), 1);
        assert!(matches!(one.sees(), Err(UseError::Place(PlaceError::Store(_)))));
        up(&mut redis);
        // The store still has the machine's own claim. That does not block the successor.
        assert_eq!(one.waits_for_the_store(), successor);
        assert_eq!(one.entries(), [""; 0]);
        assert_eq!(other.waits_for_the_store(), successor);
    }
}

#[test]
fn without_the_store_nothing_begins_and_what_is_foreign_there_is_not_replaced() {
    let Some(mut redis) = Redis::start() else { return };
    let ours = block(&redis);
    let one = Machine::new(&ours);
    one.put("first");

    let mut theirs = ours.clone();
    theirs["secret"] = json!("another-16-bytes");
    let foreign = Machine::new(&theirs);
    assert_eq!(foreign.sees(), Err(UseError::Place(PlaceError::Foreign)));
    assert_eq!(one.sees().unwrap(), "first");
    let using = one.secret.begin(SPAN).unwrap();
    redis.command(&["SET", &key_of(&redis, "}"), "garbage"]);
    assert_eq!(
        using.replace(&Secret::new("second")),
        Err(PlaceError::Foreign),
        "an operator must look at it"
    );
    // A new login always replaces the secret.
    one.put("third");
    assert_eq!(one.sees().unwrap(), "third");

    redis.kill();
    assert!(matches!(one.sees(), Err(UseError::Place(PlaceError::Store(_)))));
    assert!(one.secret.check().is_err());
    assert!(one.secret.put(&Secret::new("fourth")).is_err());
}

#[test]
fn what_was_kept_in_the_directory_moves_to_the_store_once() {
    let Some(redis) = Redis::start() else { return };
    let block = block(&redis);
    let one = Machine::new(&block);
    in_directory(one.directory.path())
        .put(&Secret::new("old"))
        .unwrap();
    assert_eq!(one.sees().unwrap(), "old");
    assert_eq!(one.entries(), [""; 0]);
    let other = Machine::new(&block);
    let using = other.secret.begin(SPAN).unwrap();
    assert_eq!(using.replace(&Secret::new("new")), Ok(Replaced::Done));
    // A copy of old state that reappears is older than the secret in the store.
    assert_eq!(one.sees().unwrap(), "new");
}
