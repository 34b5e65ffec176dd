//! Commands and replies over one connection.

use std::cell::Cell;
use std::time::Duration;

use egress::connection::Wire;
use egress::platform::{Platform, SocketError};
use egress::wire::{Protocol, Step, WireError};
use middleware::Secret;

use super::endpoint::Endpoint;
use super::error::StoreError;
use super::resp::{self, MAX_REPLY, Reply};
use super::time_limit::TIME_LIMIT;

/// The gateway's credentials at a server.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) username: Option<Secret>,
    pub(super) password: Option<Secret>,
}

/// How a conversation begins.
#[derive(Clone, Copy)]
pub(super) struct Greeting<'g> {
    pub(super) credentials: &'g Credentials,
    /// The number of the database; 0 need not be selected.
    pub(super) database: u64,
    /// Whether another server of the cluster has sent us here, so that each command needs `ASKING`.
    pub(super) asking: bool,
}

/// A command's name, for errors, and its bytes.
pub(super) type Command = (&'static str, Vec<u8>);

/// The command `name` with these arguments.
pub(super) fn command(name: &'static str, arguments: &[&[u8]]) -> Command {
    let words: Vec<&[u8]> = std::iter::once(name.as_bytes())
        .chain(arguments.iter().copied())
        .collect();
    (name, resp::command(&words))
}

/// A conversation with one server.
pub(super) struct Conversation<'s> {
    platform: &'s dyn Platform,
    wire: &'s mut dyn Wire,
    deadline: &'s Cell<Duration>,
    /// The commands that must come first, until they have been sent.
    greeting: Vec<Command>,
    asking: bool,
    unread: Vec<u8>,
    reader: resp::Reader,
    /// How many bytes of this batch's answers have arrived.
    received: usize,
    /// How many bytes have arrived in all.
    received_ever: usize,
}

impl<'s> Conversation<'s> {
    pub(super) fn new(
        platform: &'s dyn Platform,
        wire: &'s mut dyn Wire,
        deadline: &'s Cell<Duration>,
        Greeting {
            credentials,
            database,
            asking,
        }: Greeting<'_>,
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
            unread: Vec::new(),
            reader: resp::Reader::default(),
            received: 0,
            received_ever: 0,
        }
    }

    pub(super) const fn platform(&self) -> &'s dyn Platform {
        self.platform
    }

    /// Moves the deadline: from now on there is time for one more answer.
    pub(super) fn more_time(&mut self) {
        self.deadline
            .set(self.platform.monotonic().saturating_add(TIME_LIMIT));
    }

    /// Waits until the server has accepted the credentials. Needed before a change. A command that only reads may be
    /// sent together with them.
    pub(super) fn greet(&mut self) -> Result<(), StoreError> {
        if self.greeting.is_empty() {
            return Ok(());
        }
        self.ask(Vec::new()).map(drop)
    }

    /// Sends `commands`, after the greeting if that was not sent yet, and reads the replies to them.
    pub(super) fn ask(&mut self, commands: Vec<Command>) -> Result<Vec<Reply>, StoreError> {
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
        // All replies are read, because a change may have been made although one before it was refused. The first
        // refusal is the cause.
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
            self.receive()?;
        }
    }

    /// Reads more bytes.
    fn receive(&mut self) -> Result<(), StoreError> {
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
        Ok(())
    }
}

/// Converts an error reply. Some servers repeat the command's words, so only the code of the reply to `AUTH` is kept.
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
