//! A secret that changes while an instance runs.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use egress::platform::Native;
use egress::{ClientConfig, HttpClient, Platform};
use middleware::Secret;

use super::*;
use crate::shared::failure::Cause;
use crate::shared::fetch_error::FetchError;
use crate::shared::test_resource::TestResource;
use crate::shared::view::Shared;
use crate::state::Seal;

/// A provider that knows one secret.
#[derive(Default)]
struct Provider {
    secret: RefCell<&'static str>,
    calls: Cell<u64>,
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
    fn instance(&self, secret: &'static str, client: &str) -> Shared<TestResource> {
        self.sealed_with(secret, secret, client)
    }

    fn sealed_with(&self, key: &str, secret: &'static str, client: &str) -> Shared<TestResource> {
        let seal = Seal::secret(&Secret::new(key), &[client]).unwrap();
        let provider = Rc::clone(&self.provider);
        let name = seal.name("token", &[client]);
        let token = TestResource::new("https://provider/", name, seal, move |_| {
            provider.calls.set(provider.calls.get() + 1);
            if secret != *provider.secret.borrow() {
                let detail = String::new();
                return Err(FetchError::Refused { detail });
            }
            Ok(provider.calls.get())
        });
        let platform: Rc<dyn Platform> = Rc::new(Native::new(self.directory.path(), |_| {}));
        let client = HttpClient::new(Rc::clone(&platform), &ClientConfig::default()).unwrap();
        Shared::new(token, platform, Rc::new(client))
    }
}

/// The instance `new` after it has replaced `old`.
fn replaced(mut new: Shared<TestResource>, old: &Shared<TestResource>) -> Shared<TestResource> {
    let former = Former::new(old.resource().name.clone(), Rc::clone(&old.resource().seal));
    let former = former.of(&new.resource().name, &new.resource().seal);
    new.resource_mut().former = former;
    new
}

fn get(instance: &mut Shared<TestResource>) -> Result<u64, Cause> {
    let now = instance.instance.platform.now();
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
    let seen = new.get(new.instance.platform.now()).unwrap();
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
    assert!(other.resource().former.is_none());
    assert_eq!(get(&mut other), Err(Cause::Refused));
}

#[test]
fn a_refused_secret_does_not_hold_the_next_one_up() {
    let machine = Machine::new();
    machine.provider.secret.replace("new");
    let mut old = machine.sealed_with("key", "old", "app");
    old.resource_mut().proof = Some("old");
    assert_eq!(get(&mut old), Err(Cause::Refused));
    assert_eq!(get(&mut old), Err(Cause::Refused));
    assert_eq!(machine.provider.calls.get(), 1, "remembered");
    let mut new = machine.sealed_with("key", "new", "app");
    new.resource_mut().proof = Some("new");
    assert_eq!(get(&mut new), Ok(2));
}
