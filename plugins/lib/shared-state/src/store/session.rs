//! What is said over one connection.

use std::cell::Cell;
use std::time::Duration;

use middleware::Secret;

use super::resp::{self, MAX_REPLY, Reply};
use super::{BUDGET, Content, Endpoint, Kept, Slot, StoreError};
use egress::connection::Wire;
use egress::platform::nonce;
use egress::platform::{Platform, SocketError};
use egress::wire::{Protocol, Step, WireError};

/// Deletes the key if it has the value.
const DELETE_IF: &[u8] =
    b"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

/// Sets the key to the second value if it has the first. That it has the second already is as good: then an answer was lost.
const SET_IF: &[u8] =
    b"local v=redis.call('get',KEYS[1]) if v==ARGV[2] then return 1 end if v==ARGV[1] then \
    redis.call('set',KEYS[1],ARGV[2],'PX',ARGV[3]) return 1 end return 0";

/// Who we are to a server.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) username: Option<Secret>,
    pub(super) password: Option<Secret>,
}

/// A conversation with one server.
pub struct Session<'s> {
    platform: &'s dyn Platform,
    wire: &'s mut dyn Wire,
    deadline: &'s Cell<Duration>,
    /// What must be said first, until it has been.
    greeting: Vec<Command>,
    asking: bool,
    /// Whether the rights to all commands must be tried first.
    is_untried: bool,
    unread: Vec<u8>,
    reader: resp::Reader,
    /// How many bytes have come, of this batch's answers and of all.
    received: usize,
    received_ever: usize,
}

/// The right to be the one, among all machines, that changes a slot.
pub struct RemoteLease {
    key: String,
    owner: String,
    ttl: Duration,
}

/// One change; see [`Session::apply`].
#[derive(Clone, Copy)]
pub enum Change<'c> {
    /// Puts the value there, for so long.
    Put(&'c Slot, &'c [u8], Duration),
    /// Puts the value there, for so long, if what was found is still there, or nothing was and is. Happens once for all
    /// machines.
    Replace(&'c Slot, Option<&'c Kept>, &'c [u8], Duration),
    /// Removes what is there.
    Remove(&'c Slot),
    /// Removes what was found, if it is still there.
    RemoveFound(&'c Slot, &'c Kept),
    /// Gives the lease back, if it is still ours.
    GiveBack(&'c RemoteLease),
}

impl<'c> Change<'c> {
    fn slot(&self) -> Option<&'c Slot> {
        match self {
            Self::Put(slot, ..)
            | Self::Replace(slot, ..)
            | Self::Remove(slot)
            | Self::RemoveFound(slot, _) => Some(slot),
            Self::GiveBack(_) => None,
        }
    }
}

/// A command's name, for errors, and its bytes.
type Command = (&'static str, Vec<u8>);

fn command(name: &'static str, words: &[&[u8]]) -> Command {
    let words: Vec<&[u8]> = std::iter::once(name.as_bytes())
        .chain(words.iter().copied())
        .collect();
    (name, resp::command(&words))
}

fn milliseconds(ttl: Duration) -> String {
    ttl.as_millis().max(1).to_string()
}

impl RemoteLease {
    pub(super) fn new(slot: &Slot, owner: String, ttl: Duration) -> Self {
        Self {
            key: format!("{}.lock", slot.key()),
            owner,
            ttl,
        }
    }

    /// How long it lasts from the moment it is taken.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }
}

impl<'s> Session<'s> {
    pub(super) fn new(
        platform: &'s dyn Platform,
        wire: &'s mut dyn Wire,
        deadline: &'s Cell<Duration>,
        credentials: &Credentials,
        database: u64,
        asking: bool,
        is_untried: bool,
    ) -> Self {
        let mut greeting = Vec::new();
        if let Some(password) = &credentials.password {
            let password = password.expose().as_bytes();
            greeting.push(match &credentials.username {
                Some(username) => command("AUTH", &[username.expose().as_bytes(), password]),
                None => command("AUTH", &[password]),
            });
        }
        if database != 0 {
            greeting.push(command("SELECT", &[database.to_string().as_bytes()]));
        }
        Self {
            platform,
            wire,
            deadline,
            greeting,
            asking,
            is_untried,
            unread: Vec::new(),
            reader: resp::Reader::default(),
            received: 0,
            received_ever: 0,
        }
    }

    /// What lies in these slots.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&mut self, slots: &[&Slot]) -> Result<Vec<Content>, StoreError> {
        self.try_rights(slots.first().copied())?;
        let replies = self.ask(vec![Self::get_command(slots)])?;
        contents(slots, replies.into_iter().next())
    }

    /// Takes `lease` unless somebody has it; true when it is ours. Then tells what lies in these slots.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(&mut self, lease: &RemoteLease, slots: &[&Slot]) -> Result<(bool, Vec<Content>), StoreError> {
        self.try_rights(slots.first().copied())?;
        self.greet()?;
        let (key, owner) = (lease.key.as_bytes(), lease.owner.as_bytes());
        let replies = self.ask(vec![
            command(
                "SET",
                &[key, owner, b"NX", b"PX", milliseconds(lease.ttl).as_bytes()],
            ),
            // Whose it is: ours also when an earlier answer was lost.
            command("GET", &[key]),
            Self::get_command(slots),
        ])?;
        let mut replies = replies.into_iter().skip(1);
        let is_ours = replies.next() == Some(Reply::Bytes(owner.to_vec()));
        Ok((is_ours, contents(slots, replies.next())?))
    }

    /// Makes these changes in their order, and tells of each whether it was made. They are no transaction: others may see
    /// some without the rest.
    ///
    /// # Errors
    /// [`StoreError`]; some of the changes may have been made all the same.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<bool>, StoreError> {
        self.try_rights(changes.iter().find_map(Change::slot))?;
        self.greet()?;
        let mut commands = Vec::new();
        for change in changes {
            commands.push(self.change(change)?);
        }
        let replies = self.ask(commands)?;
        Ok(replies
            .into_iter()
            .map(|reply| !matches!(reply, Reply::Number(0) | Reply::Nothing))
            .collect())
    }

    fn change(&self, change: &Change<'_>) -> Result<Command, StoreError> {
        let sealed = |slot: &Slot, plain: &[u8]| {
            slot.seal()
                .close(plain, self.platform)
                .map_err(|_| StoreError::Seal)
        };
        Ok(match change {
            Change::Put(slot, plain, ttl) => {
                let (sealed, ttl) = (sealed(slot, plain)?, milliseconds(*ttl));
                command(
                    "SET",
                    &[slot.key().as_bytes(), sealed.as_bytes(), b"PX", ttl.as_bytes()],
                )
            }
            Change::Replace(slot, found, plain, ttl) => {
                let (sealed, ttl) = (sealed(slot, plain)?, milliseconds(*ttl));
                let (key, sealed, ttl) = (slot.key().as_bytes(), sealed.as_bytes(), ttl.as_bytes());
                match found {
                    Some(found) => command(
                        "EVAL",
                        &[SET_IF, b"1", key, found.sealed().as_bytes(), sealed, ttl],
                    ),
                    None => command("SET", &[key, sealed, b"NX", b"PX", ttl]),
                }
            }
            Change::Remove(slot) => command("DEL", &[slot.key().as_bytes()]),
            Change::RemoveFound(slot, found) => delete_if(slot.key(), found.sealed()),
            Change::GiveBack(lease) => delete_if(&lease.key, &lease.owner),
        })
    }

    /// Allows for another answer's time: whoever waits for others may take longer than the store itself.
    pub fn more_time(&mut self) {
        self.deadline
            .set(self.platform.monotonic().saturating_add(BUDGET));
    }

    /// Asks a sentinel where the master of `set` is.
    pub(super) fn master(&mut self, set: &str) -> Result<Endpoint, StoreError> {
        let words: [&[u8]; 2] = [b"get-master-addr-by-name", set.as_bytes()];
        let replies = self.ask(vec![command("SENTINEL", &words)])?;
        match replies.first() {
            Some(Reply::List(parts)) => match parts.as_slice() {
                [Reply::Bytes(host), Reply::Bytes(port)] => {
                    Endpoint::of_bytes(host, port).ok_or(StoreError::Garbage)
                }
                _ => Err(StoreError::Garbage),
            },
            Some(Reply::Nothing) => Err(StoreError::NoMaster),
            _ => Err(StoreError::Garbage),
        }
    }

    /// Tries every command that the store needs, on a key of its own beside that of `slot`. A user who may take a lease but
    /// not give it back would make all others wait for its end. Errors other than a missing right are ignored: the first
    /// real command meets them too.
    fn try_rights(&mut self, slot: Option<&Slot>) -> Result<(), StoreError> {
        let Some(slot) = slot.filter(|_| self.is_untried) else {
            return Ok(());
        };
        self.is_untried = false;
        let key = format!("{}.rights.{}", slot.key(), nonce(self.platform));
        let key = key.as_bytes();
        let commands = vec![
            command("SET", &[key, b"x", b"NX", b"PX", b"1000"]),
            command("GET", &[key]),
            command("MGET", &[key]),
            command("DEL", &[key]),
            // Last, so that a command which the script may not run is named by itself.
            command("EVAL", &[DELETE_IF, b"1", key, b"x"]),
        ];
        let outcome = self.ask(commands);
        // The real commands get their full time.
        self.more_time();
        match outcome {
            Err(StoreError::Refused { command, error }) if is_lack_of_right(&error) => {
                Err(StoreError::NoRight { command, error })
            }
            Err(StoreError::Refused { command, .. }) if command != "AUTH" && command != "SELECT" => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    fn get_command(slots: &[&Slot]) -> Command {
        let keys: Vec<&[u8]> = slots.iter().map(|slot| slot.key().as_bytes()).collect();
        command("MGET", &keys)
    }

    /// Waits until the server knows who we are. Before something is changed: what is only read may go along.
    fn greet(&mut self) -> Result<(), StoreError> {
        if self.greeting.is_empty() {
            return Ok(());
        }
        self.ask(Vec::new()).map(drop)
    }

    /// Sends the greeting, if that was not done yet, and these commands, and reads the replies to the latter.
    fn ask(&mut self, commands: Vec<Command>) -> Result<Vec<Reply>, StoreError> {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (name, command) in std::mem::take(&mut self.greeting) {
            expected.push((name, false));
            bytes.extend(command);
        }
        for (name, command) in commands {
            if self.asking {
                expected.push(("ASKING", false));
                bytes.extend(resp::command(&[b"ASKING"]));
            }
            expected.push((name, true));
            bytes.extend(command);
        }
        self.wire
            .write_all(&bytes)
            .and_then(|()| self.wire.flush())
            .map_err(|error| WireError::of_io(Step::Send, &error))?;
        self.received = 0;
        let mut replies = Vec::new();
        let mut refusal = None;
        // All are read, since a change that comes after a refused one may have been made. The first refusal is the cause.
        for (command, is_asked_for) in expected {
            match self.reply()? {
                Reply::Error(error) => drop(refusal.get_or_insert_with(|| refused(command, &error))),
                reply if is_asked_for => replies.push(reply),
                _ => {}
            }
        }
        match refusal {
            Some(error) => Err(error),
            None => Ok(replies),
        }
    }

    fn reply(&mut self) -> Result<Reply, StoreError> {
        loop {
            let Ok((done, reply)) = self.reader.read(&self.unread) else {
                return Err(match Protocol::of(&self.unread) {
                    Some(other) => StoreError::NoRedis(other),
                    None => StoreError::Garbage,
                });
            };
            self.unread.drain(..done);
            if let Some(reply) = reply {
                return Ok(reply);
            }
            if self.received > 2 * MAX_REPLY {
                return Err(StoreError::Garbage);
            }
            let mut chunk = [0; 8192];
            let count = match self.wire.read(&mut chunk) {
                Ok(0) if self.received_ever == 0 => return Err(StoreError::NoAnswer),
                Ok(0) => return Err(StoreError::Closed),
                Ok(count) => count,
                Err(error) => {
                    let error = WireError::of_io(Step::Receive, &error);
                    let is_broken = matches!(
                        error,
                        WireError::Socket {
                            source: SocketError::Broken(_),
                            ..
                        }
                    );
                    return Err(match is_broken && self.received_ever == 0 {
                        true => StoreError::NoAnswer,
                        false => error.into(),
                    });
                }
            };
            self.received = self.received.saturating_add(count);
            self.received_ever = self.received_ever.saturating_add(count);
            self.unread
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }
}

fn delete_if(key: &str, value: &str) -> Command {
    command("EVAL", &[DELETE_IF, b"1", key.as_bytes(), value.as_bytes()])
}

fn contents(slots: &[&Slot], reply: Option<Reply>) -> Result<Vec<Content>, StoreError> {
    let Some(Reply::List(found)) = reply else {
        return Err(StoreError::Garbage);
    };
    if found.len() != slots.len() {
        return Err(StoreError::Garbage);
    }
    slots
        .iter()
        .zip(found)
        .map(|(slot, found)| match found {
            Reply::Bytes(sealed) => Ok(slot.open(sealed)),
            Reply::Nothing => Ok(Content::Nothing),
            _ => Err(StoreError::Garbage),
        })
        .collect()
}

/// Whether a server's error says that the user may not do this, or that nobody may: some services offer fewer commands.
fn is_lack_of_right(error: &str) -> bool {
    let says = |text: &str| error.to_ascii_lowercase().contains(text);
    error.starts_with("NOPERM")
        || says("unknown command")
        || says("acl failure")
        || says("no permission")
        || says("can't run this command")
        || says("can't access")
}

/// What a server's error means. Some repeat the command's words, so nothing but a code is kept of what `AUTH` is answered.
fn refused(command: &'static str, error: &str) -> StoreError {
    let mut words = error.split(' ');
    let code = words.next().unwrap_or_default();
    if let ("MOVED" | "ASK", Some(to)) = (code, words.nth(1).and_then(Endpoint::parse_lenient)) {
        let asking = code == "ASK";
        return StoreError::Elsewhere { to, asking };
    }
    let error = match command {
        "AUTH" => code.chars().filter(char::is_ascii_uppercase).take(20).collect(),
        _ => error.chars().take(120).collect(),
    };
    StoreError::Refused { command, error }
}
