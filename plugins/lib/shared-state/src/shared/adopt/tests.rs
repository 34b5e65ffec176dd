//! A secret that changes while an instance runs.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use middleware::{Secret, UnixTime};

use egress::platform::Native;
use egress::{ClientConfig, HttpClient, Platform, Url};

use super::*;
use crate::shared::{Cause, Exchange, FetchError, Fetched, Lifetime};
use crate::state::{Seal, StateName};

/// A provider that knows one secret.
#[derive(Default)]
struct Provider {
    secret: RefCell<&'static str>,
    calls: Cell<u64>,
}

struct Token {
    secret: &'static str,
    provider: Rc<Provider>,
    url: Url,
    name: StateName,
    seal: Rc<Seal>,
    former: Option<Former>,
    proof: Option<&'static str>,
}

impl Resource for Token {
    type Value = u64;

    fn name(&self) -> &StateName {
        &self.name
    }
    fn kind(&self) -> &'static str {
        "token"
    }
    fn url(&self) -> &Url {
        &self.url
    }
    fn seal(&self) -> &Seal {
        &self.seal
    }
    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }
    fn proof(&self) -> Option<&str> {
        self.proof
    }
    fn encode(&self, value: &u64) -> Vec<u8> {
        value.to_be_bytes().to_vec()
    }
    fn decode(&self, bytes: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
    fn fetch(&self, _: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<u64>, FetchError> {
        self.provider.calls.set(self.provider.calls.get() + 1);
        if self.secret != *self.provider.secret.borrow() {
            let detail = String::new();
            return Err(FetchError::Refused { detail });
        }
        let end = now.plus(Duration::from_secs(3600));
        Ok(Fetched {
            value: self.provider.calls.get(),
            lifetime: Lifetime {
                refresh_at: end,
                usable_until: end,
            },
        })
    }
}

struct Machine {
    directory: tempfile::TempDir,
    provider: Rc<Provider>,
}

impl Machine {
    fn new() -> Self {
        let provider = Rc::new(Provider::default());
        provider.secret.replace("old");
        Self {
            directory: tempfile::tempdir().unwrap(),
            provider,
        }
    }

    /// An instance whose token is sealed with `secret`.
    fn instance(&self, secret: &'static str, client: &str) -> Shared<Token> {
        self.sealed_with(secret, secret, client)
    }

    fn sealed_with(&self, key: &str, secret: &'static str, client: &str) -> Shared<Token> {
        let seal = Seal::secret(&Secret::new(key), &[client]).unwrap();
        let token = Token {
            secret,
            provider: Rc::clone(&self.provider),
            url: Url::parse("https://provider/").unwrap(),
            name: seal.name("token", &[client]),
            seal: Rc::new(seal),
            former: None,
            proof: None,
        };
        let platform: Rc<dyn Platform> = Rc::new(Native::new(self.directory.path(), |_| {}));
        let client = HttpClient::new(Rc::clone(&platform), &ClientConfig::default()).unwrap();
        Shared::new(token, platform, Rc::new(client))
    }
}

/// The instance `new` after it has replaced `old`.
fn replaced(mut new: Shared<Token>, old: &Shared<Token>) -> Shared<Token> {
    let former = Former::new(old.resource.name.clone(), Rc::clone(&old.resource.seal));
    new.resource.former = former.of(&new.resource.name, &new.resource.seal);
    new
}

fn get(instance: &mut Shared<Token>) -> Result<u64, Cause> {
    let now = instance.platform.now();
    instance
        .get(now)
        .map(|token| *token)
        .map_err(|failure| failure.cause())
}

#[test]
fn a_new_secret_that_nobody_knows_yet_costs_nothing() {
    let machine = Machine::new();
    let mut old = machine.instance("old", "app");
    assert_eq!(get(&mut old), Ok(1));
    let mut new = replaced(machine.instance("new", "app"), &old);
    assert_eq!(get(&mut new), Ok(1));
    assert_eq!(
        get(&mut machine.instance("new", "app")),
        Ok(1),
        "shared with new instances"
    );
    assert_eq!(machine.provider.calls.get(), 1);
    // A discarded value does not come back from its former name.
    machine.provider.secret.replace("new");
    let seen = new.get(new.platform.now()).unwrap();
    assert!(new.discard(&seen, Duration::ZERO));
    assert_eq!(get(&mut new), Ok(2));
}

#[test]
fn what_is_there_already_is_newer() {
    let machine = Machine::new();
    let mut old = machine.instance("old", "app");
    assert_eq!(get(&mut old), Ok(1));
    machine.provider.secret.replace("new");
    assert_eq!(get(&mut machine.instance("new", "app")), Ok(2));
    assert_eq!(get(&mut replaced(machine.instance("new", "app"), &old)), Ok(2));
}

#[test]
fn another_clients_token_is_not_taken_over() {
    let machine = Machine::new();
    let mut old = machine.instance("old", "app");
    assert_eq!(get(&mut old), Ok(1));
    let mut other = replaced(machine.instance("new", "other"), &old);
    assert!(other.resource.former.is_none());
    assert_eq!(get(&mut other), Err(Cause::Refused));
}

#[test]
fn a_refused_secret_does_not_hold_the_next_one_up() {
    let machine = Machine::new();
    machine.provider.secret.replace("new");
    let mut old = machine.sealed_with("key", "old", "app");
    old.resource.proof = Some("old");
    assert_eq!(get(&mut old), Err(Cause::Refused));
    assert_eq!(get(&mut old), Err(Cause::Refused));
    assert_eq!(machine.provider.calls.get(), 1, "remembered");
    let mut new = machine.sealed_with("key", "new", "app");
    new.resource.proof = Some("new");
    assert_eq!(get(&mut new), Ok(2));
}
