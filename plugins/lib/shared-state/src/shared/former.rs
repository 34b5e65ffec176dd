//! What was fetched before a secret of the configuration changed.
//!
//! Where a value lies, and how it is sealed, depends on the secret that fetched it, so a new secret finds nothing. What the
//! old one fetched is as good as before, though, and belongs to the same configuration. An instance that has seen both
//! secrets takes it over: otherwise every change would cost a fetch at once, and requests, where the provider learns of
//! the new secret a moment later.

use std::rc::Rc;

use super::envelope::Envelope;
use super::{Held, Resource, Shared};
use crate::state::{Lease, Observer};
use crate::state::{Seal, StateName};

/// Where a resource lay before a secret changed.
#[derive(Debug, Clone)]
pub struct Former {
    name: StateName,
    seal: Rc<Seal>,
}

impl Former {
    /// The place that a resource with this name and this seal has.
    pub const fn new(name: StateName, seal: Rc<Seal>) -> Self {
        Self { name, seal }
    }

    /// The same, if what lies there is what a resource with the name `name` and the seal `seal` would hold, but for the
    /// secret. `None` if something else differs, such as the URL, or nothing.
    pub fn of(self, name: &StateName, seal: &Seal) -> Option<Self> {
        (self.name != *name && self.seal.has_identity_of(seal)).then_some(self)
    }
}

impl<R: Resource> Shared<R> {
    /// Takes over what the former secret fetched, where there is nothing newer.
    pub(super) fn adopt_former(&mut self) {
        if self.held.is_some() {
            return;
        }
        let Some(Former { name, seal }) = self.resource.former() else {
            return;
        };
        let text = self.values().read(name.as_str()).ok().flatten();
        let envelope = text
            .and_then(|text| seal.open(&text))
            .and_then(|bytes| Envelope::decode(&bytes));
        let Some(envelope) = envelope else { return };
        let discarded = [self.last_discard(), self.own.discard];
        let is_discarded = |discarded: &(_, _)| discarded.1 == envelope.generation;
        if envelope.lifetime.usable_until <= self.platform.now()
            || discarded.iter().flatten().any(is_discarded)
        {
            return;
        }
        if let Some(value) = self.resource.decode(&envelope.payload) {
            self.held = Some(Held::of(&envelope, Rc::new(value)));
            self.share_former(&envelope);
        }
    }

    /// Puts what was taken over in the place of its own, for instances that know the new secret alone. Whoever has the lease
    /// is about to put something newer there.
    fn share_former(&mut self, envelope: &Envelope) {
        let platform = Rc::clone(&self.platform);
        let name = self.resource.name().as_str().to_owned();
        let lease = Lease::try_take(&*platform, &name, &mut Observer::default());
        if let Ok(Some(_lease)) = lease
            && matches!(platform.directory().read(&name), Ok(None))
            && let Ok(text) = self.resource.seal().close(&envelope.encode(), &*platform)
        {
            // Others would fetch it for themselves.
            let _ = self.values().publish(&name, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use middleware::{Secret, UnixTime};

    use super::*;
    use crate::shared::{Cause, Exchange, FetchError, Fetched, Lifetime, Unavailable};
    use egress::platform::Native;
    use egress::{ClientConfig, HttpClient, Platform, Url};

    /// What a provider gives for the one secret that it knows.
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

    /// `new` takes the place of `old`.
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
            .map_err(|unavailable: Unavailable| unavailable.cause())
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
        // What is discarded does not come back from the old place.
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
}
