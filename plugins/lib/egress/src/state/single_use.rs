//! A secret that may be used once, for its successor: a refresh token of a provider that rotates them (RFC 9700
//! section 4.14.2).
//!
//! Such a secret is more delicate than what a [`Lease`](super::Lease) protects, where a slow owner costs one fetch more:
//! whoever uses it a second time, while the first use is still under way, makes the provider withdraw everything. So
//!
//! * the right to use it is an entry, `<name>.use-<generation>`, that can be made only once for each stored secret:
//!   no lease is needed for it, and no directory means no use,
//! * who is killed in the middle leaves that entry behind. It tells until when its maker may still get an answer; before
//!   that time, and a margin, nobody else begins. After it the secret may be used again: if the first use arrived, its
//!   answer is lost, and the secret with it; if it did not, nothing has happened,
//! * the successor is written down before the use ends.
//!
//! Who takes an abandoned use over gives the stored secret a new generation, so that its first owner, should it wake up
//! after all, cannot take the new owner's entry for its own.

use std::rc::Rc;
use std::time::Duration;

use middleware::{Secret, UnixTime};

use super::{Seal, StateName, Values, nonce};
use crate::platform::{DirectoryError, Platform};

/// How far the clocks of two machines that share the directory may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);
/// No use takes longer. An entry that reaches farther into the future was written before the clock was set back.
const LONGEST_USE: Duration = Duration::from_secs(600);
/// How long it is tried to write a successor down.
const WRITE_FOR: Duration = Duration::from_secs(2);
/// More abandoned uses in a row than there can be; each takes its time.
const MOST_ABANDONED: usize = 100;

/// Where the secret of one name is kept, and who uses it.
pub struct SingleUse {
    name: StateName,
    seal: Seal,
    platform: Rc<dyn Platform>,
}

/// What is stored.
struct Record {
    generation: String,
    secret: String,
    /// The other side no longer takes it.
    lost: bool,
}

impl Record {
    fn encode(&self) -> String {
        let state = if self.lost { LOST } else { GOOD };
        format!("{}:{state}:{}", self.generation, self.secret)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (generation, rest) = std::str::from_utf8(bytes).ok()?.split_once(':')?;
        let (state, secret) = rest.split_once(':')?;
        (state == LOST || state == GOOD).then(|| Self {
            generation: generation.to_owned(),
            secret: secret.to_owned(),
            lost: state == LOST,
        })
    }
}

const GOOD: &str = "good";
const LOST: &str = "lost";

/// One use, in one's hands. End it by [`Use::replace`], [`Use::give_back`] or [`Use::lose`]; otherwise it counts as under
/// way until its time is over.
#[must_use = "nobody else can use the secret until this use ends"]
pub struct Use<'s> {
    of: &'s SingleUse,
    secret: Secret,
    entry: String,
    content: String,
    until: UnixTime,
}

/// Why the secret cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// There is none under this name and key.
    #[error("there is none")]
    Missing,
    /// The other side no longer takes the one that is there.
    #[error("the one that is there is no longer accepted")]
    Lost,
    /// Somebody uses it, or was killed in the middle and may still have been heard.
    #[error("it is in use, for {} ms at most", .left.as_millis())]
    Busy {
        /// When it is certainly over.
        left: Duration,
    },
    /// The state directory failed. Without it nobody can be kept from using the secret at the same time.
    #[error("{0}")]
    Directory(#[from] DirectoryError),
}

impl SingleUse {
    /// The secret `name`, protected by `seal`.
    pub fn new(name: StateName, seal: Seal, platform: Rc<dyn Platform>) -> Self {
        Self { name, seal, platform }
    }

    /// Puts `secret` in the place of whatever is there.
    ///
    /// # Errors
    /// Why the directory failed; what was there stays.
    pub fn put(&self, secret: &Secret) -> Result<(), DirectoryError> {
        let old = self.record().unwrap_or(None);
        self.publish(&Record {
            generation: nonce(&*self.platform),
            secret: secret.expose().to_owned(),
            lost: false,
        })?;
        if let Some(old) = old {
            self.forget_uses(&old.generation);
        }
        Ok(())
    }

    /// The right to use the secret, for `span` at most.
    ///
    /// # Errors
    /// [`UseError`]; nothing has changed then.
    pub fn begin(&self, span: Duration) -> Result<Use<'_>, UseError> {
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
            let over = until.plus(CLOCK_DIFFERENCE);
            if now < over && until <= now.plus(LONGEST_USE) {
                return Err(UseError::Busy {
                    left: over.since(now),
                });
            }
            if owner.is_empty() {
                directory.remove(&self.entry(&last))?;
                break;
            }
            abandoned = true;
            last = owner;
        }
        let own = nonce(&*self.platform);
        let until = now.plus(span.min(LONGEST_USE));
        let mut this = Use {
            of: self,
            secret: Secret::new(record.secret.as_str()),
            entry: self.entry(&last),
            content: format!("{own}:{}", until.as_millis()),
            until,
        };
        this.claim()?;
        // An entry goes only after its generation went: who came late made one that nobody else looks at.
        let current = self.record()?;
        if current.is_none_or(|current| current.generation != record.generation) {
            this.withdraw();
            return Err(UseError::Busy { left: Duration::ZERO });
        }
        if abandoned && let Err(error) = this.take_over(&record) {
            this.withdraw();
            return Err(error.into());
        }
        Ok(this)
    }

    fn record(&self) -> Result<Option<Record>, DirectoryError> {
        let text = self.values().read(self.name.as_str())?;
        let plain = text.and_then(|text| self.seal.open(&text));
        Ok(plain.and_then(|plain| Record::decode(&plain)))
    }

    fn publish(&self, record: &Record) -> Result<(), DirectoryError> {
        let text = self.seal.close(record.encode().as_bytes(), &*self.platform);
        let text = text.map_err(|_| DirectoryError::Other(0))?;
        self.values().publish(self.name.as_str(), &text)?;
        // It is there for everybody; a power failure is what it may not survive if this fails.
        let _ = self.platform.directory().sync();
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

    fn values(&self) -> Values<'_> {
        Values::new(&*self.platform)
    }
}

impl Use<'_> {
    /// What may be used once.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// From here on somebody else may use it: the use must not begin any more.
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The use succeeded: `successor` takes the secret's place. False when another one has taken it meanwhile: what the use
    /// gave is not wanted any more.
    ///
    /// # Errors
    /// Why the directory failed, and went on failing for [`WRITE_FOR`]. Both secrets are lost then, and
    /// [`SingleUse::begin`] says so as soon as the directory can be read.
    pub fn replace(self, successor: &Secret) -> Result<bool, DirectoryError> {
        let platform = &self.of.platform;
        let give_up = platform.monotonic().saturating_add(WRITE_FOR);
        loop {
            // Somebody put another secret in place meanwhile, which is none of ours.
            let is_ours = |record: &Record| record.secret == self.secret.expose();
            let outcome = match self.of.record() {
                Ok(Some(record)) if !is_ours(&record) => Ok(false),
                _ => self.of.put(successor).map(|()| true),
            };
            match outcome {
                Ok(stored) => {
                    self.withdraw();
                    return Ok(stored);
                }
                Err(error) if give_up <= platform.monotonic() => return Err(error),
                Err(_) => {
                    // The spent secret is worth nothing; where the file system is full its place is.
                    self.of.values().remove(self.of.name.as_str());
                    platform.yield_now();
                }
            }
        }
    }

    /// The use is over, and the secret is as good as before: it was not taken, or it has no successor.
    pub fn give_back(self) {
        // Later the entry may be part of somebody else's claim.
        match self.of.platform.now() < self.until {
            true => self.withdraw(),
            false => self.of.platform.forget(&self.entry),
        }
    }

    /// The other side says that it never takes the secret again. False when another one has taken its place meanwhile.
    ///
    /// # Errors
    /// Why the directory failed.
    pub fn lose(self) -> Result<bool, DirectoryError> {
        let record = self.of.record()?;
        let Some(record) = record.filter(|record| record.secret == self.secret.expose()) else {
            self.withdraw();
            return Ok(false);
        };
        self.of.publish(&Record { lost: true, ..record })?;
        self.withdraw();
        Ok(true)
    }

    /// Makes the entry that only one can make.
    fn claim(&self) -> Result<(), UseError> {
        let platform = &self.of.platform;
        match platform.directory().create(&self.entry, &self.content) {
            Ok(()) => {
                platform.own(&self.entry, &self.content);
                Ok(())
            }
            Err(DirectoryError::Exists) => Err(UseError::Busy { left: Duration::ZERO }),
            Err(error) => Err(error.into()),
        }
    }

    fn withdraw(&self) {
        let _ = self.of.platform.directory().remove(&self.entry);
        self.of.platform.forget(&self.entry);
    }

    /// Continues under a new generation, under which nobody else has an entry.
    fn take_over(&mut self, record: &Record) -> Result<(), DirectoryError> {
        let platform = &self.of.platform;
        let generation = nonce(&**platform);
        let entry = self.of.entry(&generation);
        platform.directory().create(&entry, &self.content)?;
        platform.own(&entry, &self.content);
        let renewed = Record {
            generation,
            secret: record.secret.clone(),
            lost: false,
        };
        if let Err(error) = self.of.publish(&renewed) {
            let _ = platform.directory().remove(&entry);
            platform.forget(&entry);
            return Err(error);
        }
        platform.forget(&self.entry);
        self.of.forget_uses(&record.generation);
        self.entry = entry;
        Ok(())
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
    use super::*;
    use crate::platform::TestMachine;

    const SPAN: Duration = Duration::from_secs(20);

    fn single_use(machine: &Rc<TestMachine>) -> SingleUse {
        let identity = ["https://idcs/token", "app"];
        let seal = Seal::secret(&Secret::new("key"), &identity).unwrap();
        let name = seal.name("grant", &identity);
        SingleUse::new(name, seal, Rc::clone(machine) as Rc<dyn Platform>)
    }

    /// Two instances on one directory, and a directory that has the secret `one`.
    fn stored() -> (tempfile::TempDir, Rc<TestMachine>, SingleUse, SingleUse) {
        let directory = tempfile::tempdir().unwrap();
        let machine = Rc::new(TestMachine::in_directory(directory.path()));
        let (this, other) = (single_use(&machine), single_use(&machine));
        this.put(&Secret::new("one")).unwrap();
        (directory, machine, this, other)
    }

    fn entries(directory: &tempfile::TempDir) -> usize {
        std::fs::read_dir(directory.path()).unwrap().count()
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
        let (_directory, machine, this, other) = stored();
        let (asleep, failed) = (this.begin(SPAN).unwrap(), |using: Use<'_>| using.withdraw());
        machine.set_wall_clock_ahead(26);
        let using = other.begin(SPAN).unwrap();
        // Even if it removes its entry much too late.
        failed(asleep);
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
        late.replace(&Secret::new("two")).unwrap();
        assert!(!using.lose().unwrap(), "what was refused is not what is there");
        assert_eq!(other.begin(SPAN).unwrap().secret().expose(), "two");

        machine.set_wall_clock_ahead(60);
        let old = this.begin(SPAN).unwrap();
        other.put(&later).unwrap();
        assert!(!old.replace(&Secret::new("of another login")).unwrap());
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
        assert!(matches!(error(&this), UseError::Missing | UseError::Directory(_)));
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
        let stranger = SingleUse::new(name, seal, Rc::clone(&machine) as Rc<dyn Platform>);
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
