//! In the state directory: for all who share it.
//!
//! A claim is an entry, `<name>.use-<generation>`, that can be made only once for each stored secret: no lease is needed
//! for it, and no directory means no use. Who takes an abandoned use over gives the stored secret a new generation, so that
//! its first owner, should it wake up after all, cannot take the new owner's entry for its own.

use std::rc::Rc;
use std::time::Duration;

use middleware::{Secret, UnixTime};

use super::record::Record;
use super::room::Room;
use super::{Claim, Place, PlaceError, Replaced, UseError};
use crate::state::{Seal, StateName, Values};
use egress::platform::nonce;
use egress::platform::{DirectoryError, Platform};

/// How long it is tried to write a successor down.
const WRITE_FOR: Duration = Duration::from_secs(2);
/// More abandoned uses in a row than there can be; each takes its time.
const MOST_ABANDONED: usize = 100;

/// One name in the state directory.
pub(super) struct InDirectory {
    name: StateName,
    seal: Seal,
    platform: Rc<dyn Platform>,
}

impl Place for InDirectory {
    fn check(&self) -> Result<(), PlaceError> {
        let room = Room::new(self.platform.directory(), &self.entry("check"));
        room.take(0)?;
        room.give_all();
        Ok(())
    }

    fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        Ok(self.exchange(secret)?)
    }

    fn begin(&self, span: Duration) -> Result<Claim, UseError> {
        let record = self.record()?.ok_or(UseError::Missing)?;
        if record.lost {
            return Err(UseError::Lost);
        }
        let (directory, now) = (self.platform.directory(), self.platform.now());
        let mut last = record.generation.clone();
        let mut abandoned = false;
        for _ in 0..MOST_ABANDONED {
            let Some(content) = directory.read(&self.entry(&last))? else {
                break;
            };
            // What is no entry of ours keeps nobody away.
            let (owner, until) = parse(&content).unwrap_or_default();
            if let Some(left) = Claim::left(until, now) {
                return Err(UseError::Busy { left });
            }
            if owner.is_empty() {
                directory.remove(&self.entry(&last))?;
                break;
            }
            abandoned = true;
            last = owner;
        }
        let until = now.plus(span);
        let content = format!("{}:{}", nonce(&*self.platform), until.as_millis());
        let mut entry = self.entry(&last);
        self.make(&entry, &content)?;
        // An entry goes only after its generation went: who came late made one that nobody else looks at.
        let current = self.record()?;
        if current.is_none_or(|current| current.generation != record.generation) {
            self.withdraw(&entry);
            return Err(UseError::Busy { left: Duration::ZERO });
        }
        if abandoned {
            match self.take_over(&record, &entry, &content) {
                Ok(taken) => entry = taken,
                Err(error) => {
                    self.withdraw(&entry);
                    return Err(error.into());
                }
            }
        }
        if let Err(error) = self.room().take(record.secret.expose().len()) {
            self.withdraw(&entry);
            return Err(UseError::NoRoom(error));
        }
        Ok(Claim {
            record,
            until,
            mark: entry,
        })
    }

    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError> {
        let platform = &self.platform;
        let give_up = platform.monotonic().saturating_add(WRITE_FOR);
        // The rest of the room is for a second try, should somebody else be quicker to fill this part.
        self.room().give(successor.expose().len());
        loop {
            // Somebody put another secret in place meanwhile, which is none of ours.
            let outcome = match self.record() {
                Ok(Some(record)) if record.secret != claim.record.secret => Ok(Replaced::Unwanted),
                _ => self.exchange(successor).map(|()| Replaced::Done),
            };
            match outcome {
                Ok(outcome) => {
                    self.room().give_all();
                    self.withdraw(&claim.mark);
                    return Ok(outcome);
                }
                Err(error) if give_up <= platform.monotonic() => return Err(error.into()),
                Err(_) => {
                    self.room().give_all();
                    // The spent secret is worth nothing; where the file system is full its place is.
                    self.values().remove(self.name.as_str());
                    platform.yield_now();
                }
            }
        }
    }

    fn give_back(&self, claim: &Claim) {
        // Later the entry may be part of somebody else's claim.
        match self.platform.now() < claim.until {
            true => {
                self.room().give_all();
                self.withdraw(&claim.mark);
            }
            false => self.platform.forget(&claim.mark),
        }
    }

    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError> {
        self.room().give_all();
        let record = self.record()?;
        let Some(record) = record.filter(|record| record.secret == claim.record.secret) else {
            self.withdraw(&claim.mark);
            return Ok(false);
        };
        self.publish(&Record { lost: true, ..record })?;
        self.withdraw(&claim.mark);
        Ok(true)
    }
}

impl InDirectory {
    pub(super) fn new(name: StateName, seal: Seal, platform: Rc<dyn Platform>) -> Self {
        Self { name, seal, platform }
    }

    /// What is there.
    pub(super) fn record(&self) -> Result<Option<Record>, DirectoryError> {
        let text = self.values().read(self.name.as_str())?;
        let plain = text.and_then(|text| self.seal.open(&text));
        Ok(plain.and_then(|plain| Record::decode(std::str::from_utf8(&plain).ok()?)))
    }

    /// Puts `record` in the place of whatever is there.
    pub(super) fn publish(&self, record: &Record) -> Result<(), DirectoryError> {
        let text = self.seal.close(record.encode().as_bytes(), &*self.platform);
        let text = text.map_err(|_| DirectoryError::Other(0))?;
        self.values().publish(self.name.as_str(), &text)?;
        // It is there for everybody; a power failure is what it may not survive if this fails.
        let _ = self.platform.directory().sync();
        Ok(())
    }

    /// Removes `record`, and nothing else.
    pub(super) fn remove(&self, record: &Record) {
        if let Ok(Some(current)) = self.record()
            && current.generation == record.generation
        {
            self.values().remove(self.name.as_str());
            self.forget_uses(&record.generation);
        }
    }

    /// Puts another secret in the place of whatever is there.
    fn exchange(&self, secret: &Secret) -> Result<(), DirectoryError> {
        let old = self.record().unwrap_or(None);
        let (generation, now) = (nonce(&*self.platform), self.platform.now());
        self.publish(&Record::new(secret, generation, now, old.as_ref()))?;
        if let Some(old) = old {
            self.forget_uses(&old.generation);
        }
        Ok(())
    }

    /// Removes the entries of a generation that is no more.
    fn forget_uses(&self, generation: &str) {
        let directory = self.platform.directory();
        let mut last = generation.to_owned();
        for _ in 0..MOST_ABANDONED {
            let entry = self.entry(&last);
            let Ok(Some(content)) = directory.read(&entry) else {
                return;
            };
            let _ = directory.remove(&entry);
            match parse(&content) {
                Some((owner, _)) => last = owner,
                None => return,
            }
        }
    }

    /// The entry of the use that follows the stored generation, or an abandoned use.
    fn entry(&self, after: &str) -> String {
        format!("{}.use-{after}", self.name.as_str())
    }

    /// The room for a successor.
    fn room(&self) -> Room<'_> {
        Room::new(self.platform.directory(), self.name.as_str())
    }

    fn values(&self) -> Values<'_> {
        Values::new(&*self.platform)
    }

    /// Makes the entry that only one can make.
    fn make(&self, entry: &str, content: &str) -> Result<(), UseError> {
        match self.platform.directory().create(entry, content) {
            Ok(()) => {
                self.platform.own(entry, content);
                Ok(())
            }
            Err(DirectoryError::Exists) => Err(UseError::Busy { left: Duration::ZERO }),
            Err(error) => Err(error.into()),
        }
    }

    fn withdraw(&self, entry: &str) {
        let _ = self.platform.directory().remove(entry);
        self.platform.forget(entry);
    }

    /// Continues under a new generation, under which nobody else has an entry. Gives the entry.
    fn take_over(&self, record: &Record, claimed: &str, content: &str) -> Result<String, DirectoryError> {
        let generation = nonce(&*self.platform);
        let entry = self.entry(&generation);
        self.platform.directory().create(&entry, content)?;
        self.platform.own(&entry, content);
        let renewed = Record {
            generation,
            ..record.clone()
        };
        if let Err(error) = self.publish(&renewed) {
            self.withdraw(&entry);
            return Err(error);
        }
        self.platform.forget(claimed);
        self.forget_uses(&record.generation);
        Ok(entry)
    }
}

/// The owner of an entry, and until when it may use the secret.
fn parse(content: &str) -> Option<(String, UnixTime)> {
    let (owner, until) = content.split_once(':')?;
    let sane = owner.len() == 12
        && owner
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let until = UnixTime::from_millis(until.parse().ok()?);
    sane.then(|| (owner.to_owned(), until))
}

#[cfg(test)]
mod tests {
    use super::super::SingleUse;
    use super::*;
    use crate::test_machine::TestMachine;

    const SPAN: Duration = Duration::from_secs(20);

    fn single_use(machine: &Rc<TestMachine>) -> SingleUse {
        let identity = ["https://idcs/token", "app"];
        let seal = Seal::secret(&Secret::new("key"), &identity).unwrap();
        let name = seal.name("grant", &identity);
        SingleUse::in_directory(name, seal, Rc::clone(machine) as Rc<dyn Platform>)
    }

    /// Two instances on one directory, and a directory that has the secret `one`.
    fn stored() -> (tempfile::TempDir, Rc<TestMachine>, SingleUse, SingleUse) {
        let directory = tempfile::tempdir().unwrap();
        let machine = Rc::new(TestMachine::in_directory(directory.path()));
        let (this, other) = (single_use(&machine), single_use(&machine));
        this.put(&Secret::new("one")).unwrap();
        (directory, machine, this, other)
    }

    /// How many entries there are beside the room for a successor.
    fn entries(directory: &tempfile::TempDir) -> usize {
        all_entries(directory) - rooms(directory)
    }

    fn all_entries(directory: &tempfile::TempDir) -> usize {
        std::fs::read_dir(directory.path()).unwrap().count()
    }

    fn rooms(directory: &tempfile::TempDir) -> usize {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".room.")).count()
    }

    fn error(of: &SingleUse) -> UseError {
        of.begin(SPAN).err().unwrap()
    }

    #[test]
    fn there_is_none_until_one_is_put() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Rc::new(TestMachine::in_directory(directory.path()));
        let this = single_use(&machine);
        assert_eq!(error(&this), UseError::Missing);
        this.put(&Secret::new("any: text")).unwrap();
        assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "any: text");
    }

    #[test]
    fn nobody_else_begins_until_the_use_ends_and_then_finds_the_successor() {
        let (directory, _, this, other) = stored();
        let using = this.begin(SPAN).unwrap();
        assert!(matches!(error(&other), UseError::Busy { left } if left > SPAN));
        using.replace(&Secret::new("two")).unwrap();
        let using = other.begin(SPAN).unwrap();
        assert_eq!(using.secret().expose(), "two");
        using.give_back();
        assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
        assert_eq!(entries(&directory), 2, "the secret and the last use");
    }

    #[test]
    fn an_abandoned_use_is_waited_out_and_then_taken_over_by_one() {
        let (directory, machine, this, other) = stored();
        drop(this.begin(SPAN).unwrap());
        for seconds in [0, 19, 24] {
            machine.set_wall_clock_ahead(seconds);
            assert!(matches!(error(&other), UseError::Busy { .. }), "{seconds}");
        }
        machine.set_wall_clock_ahead(26);
        let using = other.begin(SPAN).unwrap();
        assert_eq!(using.secret().expose(), "one");
        assert!(matches!(error(&this), UseError::Busy { .. }));
        assert_eq!(entries(&directory), 2, "what was abandoned is cleared away");
        using.replace(&Secret::new("two")).unwrap();
        assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
    }

    #[test]
    fn an_owner_that_was_asleep_takes_nothing_from_its_successor() {
        let (directory, machine, this, other) = stored();
        let asleep = this.begin(SPAN).unwrap();
        machine.set_wall_clock_ahead(26);
        let using = other.begin(SPAN).unwrap();
        // Even if it removes its entry much too late.
        let _ = std::fs::remove_file(directory.path().join(&asleep.claim.mark));
        asleep.give_back();
        assert!(matches!(error(&this), UseError::Busy { .. }));
        using.give_back();
        this.begin(SPAN).unwrap().give_back();
    }

    #[test]
    fn a_successor_that_comes_late_still_counts_unless_there_is_another_secret() {
        let (_directory, machine, this, other) = stored();
        let (late, later) = (this.begin(SPAN).unwrap(), Secret::new("three"));
        machine.set_wall_clock_ahead(26);
        let using = other.begin(SPAN).unwrap();
        assert_eq!(late.replace(&Secret::new("two")), Ok(Replaced::Done));
        assert!(!using.lose().unwrap(), "what was refused is not what is there");
        assert_eq!(other.begin(SPAN).unwrap().secret().expose(), "two");

        machine.set_wall_clock_ahead(60);
        let old = this.begin(SPAN).unwrap();
        other.put(&later).unwrap();
        assert_eq!(
            old.replace(&Secret::new("of another login")),
            Ok(Replaced::Unwanted)
        );
        assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "three");
    }

    #[test]
    fn what_is_lost_stays_lost_until_another_is_put() {
        let (directory, _, this, other) = stored();
        assert!(this.begin(SPAN).unwrap().lose().unwrap());
        assert_eq!(error(&other), UseError::Lost);
        assert_eq!(entries(&directory), 1);
        other.put(&Secret::new("two")).unwrap();
        assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
    }

    #[test]
    fn a_clock_set_back_does_not_block_it_for_long() {
        let (_directory, machine, this, other) = stored();
        machine.set_wall_clock_ahead(3600);
        drop(this.begin(SPAN).unwrap());
        machine.set_wall_clock_ahead(0);
        other.begin(SPAN).unwrap().give_back();
    }

    #[test]
    fn without_a_directory_that_can_be_written_nothing_begins() {
        let (directory, _, this, _) = stored();
        drop(directory);
        assert!(matches!(error(&this), UseError::Missing | UseError::Place(_)));
    }

    #[test]
    fn without_room_for_a_successor_nothing_begins_and_with_it_the_successor_is_kept_whatever_fills_up() {
        // Two entries of several parts: the secret and what it may become.
        let (secret, successor) = ("1".repeat(2_000), "2".repeat(4_000));
        let directory = tempfile::tempdir().unwrap();
        let machine = Rc::new(TestMachine::in_directory(directory.path()));
        let this = single_use(&machine);
        this.put(&Secret::new(&secret)).unwrap();
        for entries in 1..40 {
            machine.set_room(entries);
            let before = all_entries(&directory);
            let using = match this.begin(SPAN) {
                Ok(using) => using,
                Err(error) => {
                    assert_eq!(error, UseError::NoRoom(DirectoryError::Full), "{entries}");
                    assert_eq!(
                        all_entries(&directory),
                        before,
                        "{entries}: what was taken is given back"
                    );
                    assert_eq!(this.check(), Err(DirectoryError::Full.into()), "{entries}");
                    continue;
                }
            };
            assert!(entries > 20, "{entries}");
            // From now on there is no other room.
            machine.set_room(0);
            assert_eq!(
                using.replace(&Secret::new(&successor)),
                Ok(Replaced::Done),
                "{entries}"
            );
            machine.set_room(usize::MAX);
            let using = this.begin(SPAN).unwrap();
            assert_eq!(using.secret().expose(), successor);
            using.give_back();
            assert_eq!(this.check(), Ok(()));
            assert_eq!(rooms(&directory), 0, "{entries}");
            return;
        }
        panic!("there was room");
    }

    #[test]
    fn on_a_file_system_that_is_full_nothing_begins_and_what_has_begun_keeps_its_successor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mount = |arguments: &[&str]| {
            let mut command = std::process::Command::new(arguments[0]);
            command.args(&arguments[1..]).arg(path).output()
        };
        let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs"]);
        if !mounted.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: no tmpfs can be mounted here; run as root");
            return;
        }
        let outcome = std::panic::catch_unwind(|| {
            let this = single_use(&Rc::new(TestMachine::in_directory(path)));
            let (secret, successor) = (Secret::new("1".repeat(3_000)), Secret::new("2".repeat(6_000)));
            this.put(&secret).unwrap();
            let fill = || {
                let mut file = std::fs::File::create(path.join("filler")).unwrap();
                while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
            };
            fill();
            assert_eq!(error(&this), UseError::NoRoom(DirectoryError::Full));
            assert_eq!(
                error(&this),
                UseError::NoRoom(DirectoryError::Full),
                "nobody has claimed it"
            );
            std::fs::remove_file(path.join("filler")).unwrap();
            let using = this.begin(SPAN).unwrap();
            fill();
            assert_eq!(using.replace(&successor), Ok(Replaced::Done));
            std::fs::remove_file(path.join("filler")).unwrap();
            assert_eq!(*this.begin(SPAN).unwrap().secret(), successor);
        });
        mount(&["umount"]).unwrap();
        outcome.unwrap();
    }

    #[test]
    fn room_that_a_killed_owner_left_is_used_again_and_cleared_away() {
        let (directory, machine, this, other) = stored();
        drop(this.begin(SPAN).unwrap());
        assert!(rooms(&directory) > 20);
        machine.set_wall_clock_ahead(26);
        let using = other.begin(SPAN).unwrap();
        using.replace(&Secret::new("two")).unwrap();
        assert_eq!(all_entries(&directory), 1, "the secret");
    }

    #[test]
    fn garbage_in_the_place_of_a_use_blocks_nobody() {
        let (directory, _, this, other) = stored();
        drop(this.begin(SPAN).unwrap());
        let entry = std::fs::read_dir(directory.path()).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            path.to_string_lossy().contains(".use-").then_some(path)
        });
        let entry = entry.unwrap();
        std::fs::remove_file(&entry).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &entry).unwrap();
        assert_eq!(other.begin(SPAN).unwrap().secret().expose(), "one");
    }

    #[test]
    fn the_secret_does_not_show() {
        let (directory, _, this, _) = stored();
        this.put(&Secret::new("hunter2")).unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let content = std::fs::read_link(entry.unwrap().path()).unwrap();
            assert!(!content.to_string_lossy().contains("hunter2"));
        }
        let (_directory, machine, _, _) = stored();
        let identity = ["https://idcs/token", "app"];
        let seal = Seal::secret(&Secret::new("another key"), &identity).unwrap();
        let name = seal.name("grant", &identity);
        let stranger = SingleUse::in_directory(name, seal, Rc::clone(&machine) as Rc<dyn Platform>);
        assert_eq!(error(&stranger), UseError::Missing);
    }

    #[test]
    fn many_at_once_never_use_it_together_and_no_successor_is_lost() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let (directory, _, this, _) = stored();
        this.put(&Secret::new("0")).unwrap();
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let machine = Rc::new(TestMachine::in_directory(directory.path()));
                    let this = single_use(&machine);
                    while turns.load(Ordering::SeqCst) < 200 {
                        let Ok(using) = this.begin(SPAN) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        let number: usize = using.secret().expose().parse().unwrap();
                        assert_eq!(number, turns.fetch_add(1, Ordering::SeqCst));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        using.replace(&Secret::new((number + 1).to_string())).unwrap();
                    }
                });
            }
        });
    }
}
