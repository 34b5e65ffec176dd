//! What a conversation with one server is about: values, changes, and who may make them.

use egress::platform::nonce;

use super::change::{Change, DELETE_IF, RemoteLease, milliseconds};
use super::conversation::{Command, Conversation, command};
use super::endpoint::Endpoint;
use super::error::StoreError;
use super::key::{Content, StoreKey};
use super::resp::Reply;

/// What to say in a session. The outcome is kept by the closure, so that sessions are compiled once and not for each
/// kind of outcome.
pub type Talk<'t> = dyn FnMut(&mut Session<'_>) -> Result<(), StoreError> + 't;

/// A session with one server.
pub struct Session<'s> {
    conversation: Conversation<'s>,
    /// Whether to try first that the server permits all commands.
    is_untried: bool,
}

impl<'s> Session<'s> {
    pub(super) const fn new(conversation: Conversation<'s>, is_untried: bool) -> Self {
        Self {
            conversation,
            is_untried,
        }
    }

    /// Reads the values of these keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&mut self, keys: &[&StoreKey]) -> Result<Vec<Content>, StoreError> {
        self.try_rights(keys.first().copied())?;
        let replies = self.conversation.ask(vec![get_command(keys)])?;
        contents(keys, replies.into_iter().next())
    }

    /// Takes `lease` unless another machine holds it, and reads the values of these keys. Returns whether this machine
    /// holds the lease, and the values.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(
        &mut self,
        lease: &RemoteLease,
        keys: &[&StoreKey],
    ) -> Result<(bool, Vec<Content>), StoreError> {
        self.try_rights(keys.first().copied())?;
        self.conversation.greet()?;
        let (key, owner) = (lease.key.as_bytes(), lease.owner.as_bytes());
        let replies = self.conversation.ask(vec![
            command(
                "SET",
                &[key, owner, b"NX", b"PX", milliseconds(lease.ttl()).as_bytes()],
            ),
            // The owner decides, and not the first reply: an earlier answer may have been lost.
            command("GET", &[key]),
            get_command(keys),
        ])?;
        let mut replies = replies.into_iter().skip(1);
        let is_ours = replies.next() == Some(Reply::Bytes(owner.to_vec()));
        Ok((is_ours, contents(keys, replies.next())?))
    }

    /// Makes these changes in their order, and returns for each whether it was made. They are not a transaction: others
    /// may see some of them without the rest.
    ///
    /// # Errors
    /// [`StoreError`]. Some of the changes may have been made nevertheless.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<bool>, StoreError> {
        self.try_rights(changes.iter().find_map(Change::key))?;
        self.conversation.greet()?;
        let mut commands = Vec::new();
        for change in changes {
            commands.push(change.command(self.conversation.platform())?);
        }
        let replies = self.conversation.ask(commands)?;
        Ok(replies
            .into_iter()
            .map(|reply| !matches!(reply, Reply::Number(0) | Reply::Nothing))
            .collect())
    }

    /// Adds time for another answer. An instance that waits for another machine may take longer than the store itself.
    pub fn more_time(&mut self) {
        self.conversation.more_time();
    }

    /// Asks a sentinel for the master of `set`.
    pub(super) fn master(&mut self, set: &str) -> Result<Endpoint, StoreError> {
        let words: [&[u8]; 2] = [b"get-master-addr-by-name", set.as_bytes()];
        let replies = self.conversation.ask(vec![command("SENTINEL", &words)])?;
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

    /// Tries every command that the store needs, on a key of its own beside `key`. A user who may take a lease but not
    /// give it back would make all others wait for its end. Other errors than a missing right are ignored, because the
    /// first real command meets them too.
    fn try_rights(&mut self, key: Option<&StoreKey>) -> Result<(), StoreError> {
        let Some(key) = key.filter(|_| self.is_untried) else {
            return Ok(());
        };
        self.is_untried = false;
        let key = format!("{}.rights.{}", key.as_str(), nonce(self.conversation.platform()));
        let key = key.as_bytes();
        let commands = vec![
            command("SET", &[key, b"x", b"NX", b"PX", b"1000"]),
            command("GET", &[key]),
            command("MGET", &[key]),
            command("DEL", &[key]),
            // This comes last, so that an error for a command inside the script names that command.
            command("EVAL", &[DELETE_IF, b"1", key, b"x"]),
        ];
        let outcome = self.conversation.ask(commands);
        // The real commands get their full time.
        self.conversation.more_time();
        match outcome {
            Err(StoreError::Refused { command, error }) if is_lack_of_right(&error) => {
                Err(StoreError::NoRight { command, error })
            }
            Err(StoreError::Refused { command, .. }) if command != "AUTH" && command != "SELECT" => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

fn get_command(keys: &[&StoreKey]) -> Command {
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_str().as_bytes()).collect();
    command("MGET", &keys)
}

fn contents(keys: &[&StoreKey], reply: Option<Reply>) -> Result<Vec<Content>, StoreError> {
    let Some(Reply::List(found)) = reply else {
        return Err(StoreError::Garbage);
    };
    if found.len() != keys.len() {
        return Err(StoreError::Garbage);
    }
    keys.iter()
        .zip(found)
        .map(|(key, found)| match found {
            Reply::Bytes(sealed) => Ok(key.open(sealed)),
            Reply::Nothing => Ok(Content::Nothing),
            _ => Err(StoreError::Garbage),
        })
        .collect()
}

/// Whether a server's error says that the user may not run the command. Some services do not offer all commands to
/// anyone.
fn is_lack_of_right(error: &str) -> bool {
    let says = |text: &str| error.to_ascii_lowercase().contains(text);
    error.starts_with("NOPERM")
        || says("unknown command")
        || says("acl failure")
        || says("no permission")
        || says("can't run this command")
        || says("can't access")
}
