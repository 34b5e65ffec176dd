//! Values of many callers that are shared through the store.

use std::rc::Rc;
use std::time::Duration;

use egress::{ClientConfig, HttpClient, Platform, Url};
use harness::redis::Redis;
use middleware::{Host as _, Secret};
use serde_json::{Value, json};
use shared_state::{Seal, SharedMany};

use super::{LONG, OneUsers, Provider, block, platform, store};

/// An instance on one machine, with its state directory.
struct Machine {
    many: SharedMany<OneUsers>,
    provider: String,
    platform: Rc<egress::platform::Native>,
    _directory: tempfile::TempDir,
}

impl Machine {
    fn new(block: &Value, provider: &Provider) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (native, _) = platform(directory.path());
        let config: ClientConfig = serde_json::from_value(json!({ "timeoutSeconds": 2 })).unwrap();
        let client = HttpClient::new(Rc::clone(&native) as Rc<dyn Platform>, &config).unwrap();
        let many = SharedMany::new(Rc::clone(&native) as Rc<dyn Platform>, Rc::new(client), 4);
        Self {
            many: many.with_store(Rc::new(store(block, &native))),
            provider: provider.url.clone(),
            platform: native,
            _directory: directory,
        }
    }

    /// Returns the value for this caller.
    fn get(&mut self, caller: u8) -> String {
        let make = || {
            let seal = Seal::secret(&Secret::new(format!("secret of {caller}")), &["app"]).unwrap();
            Some(OneUsers {
                name: seal.slot("text", &["app"]),
                seal,
                url: Url::parse(&self.provider).unwrap(),
                lifetime: LONG,
            })
        };
        let value = self.many.get(&[caller; 32], self.platform.now(), make);
        value.unwrap().to_string()
    }
}

#[test]
fn every_caller_has_a_value_of_his_own_and_it_is_fetched_once_for_all_machines() {
    let Some(redis) = Redis::start() else { return };
    let (provider, block) = (Provider::start(Duration::from_millis(20)), block(&redis));
    let [mut one, mut other] = [(); 2].map(|()| Machine::new(&block, &provider));
    let callers = [1, 2, 3, 4, 5, 6, 7, 8];
    let first = callers.map(|caller| one.get(caller));
    assert_eq!(provider.calls(), callers.len());
    for _ in 0..2 {
        assert_eq!(callers.map(|caller| other.get(caller)), first);
        assert_eq!(callers.map(|caller| one.get(caller)), first);
    }
    assert_eq!(provider.calls(), callers.len(), "one fetch for each caller");
    let keys = redis.keys();
    assert_eq!(keys.len(), callers.len(), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("test:{text-")), "{keys:?}");
}
