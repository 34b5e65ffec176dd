//! Keys published at `jwksUrl`, fetched once for everybody who shares the state directory.

use std::rc::Rc;
use std::time::Duration;

use egress::{
    Exchange, FetchError, Fetched, HttpClient, Lifetime, Platform, Resource, Seal, Shared, StateName,
    Unavailable, Url,
};
use http::{Request, header};
use jose::KeySet;
use middleware::{ConfigError, Event, Host, Reason, UnixTime};

use crate::cache_control;
use crate::{KeySource, KeyUrl, KeysUnavailable, RemoteKeyOptions};

/// How long published keys are taken for current where the issuer does not say.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest time that an issuer may ask for: a key that was withdrawn would count for as long.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The remote source of keys.
pub(crate) struct RemoteKeys {
    keys: Shared<Jwks>,
    refetch_interval: Duration,
}

impl RemoteKeys {
    /// A source that holds nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used.
    pub(crate) fn new(
        options: &RemoteKeyOptions,
        place: &KeyUrl,
        client: Rc<HttpClient>,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        if !place.url.is_https() {
            platform.log(
                &Event::warn("configuration.insecure")
                    .field("option", &place.option)
                    .field(
                        "problem",
                        "whoever is on the way can put in keys of his own: use https outside of tests",
                    ),
            );
        }
        platform.use_directory(options.state_directory.as_deref())?;
        let identity = identity(options, &place.url, &*platform);
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let seal = Seal::public(&identity);
        let jwks = Jwks {
            name: seal.name("jwks", &identity),
            seal,
            url: place.url.clone(),
            max_stale: options.max_stale,
            refetch_interval: options.refetch_interval,
            platform: Rc::clone(&platform),
        };
        Ok(Self {
            keys: Shared::new(jwks, platform, client),
            refetch_interval: options.refetch_interval,
        })
    }
}

/// Keys are shared only where they would have been fetched from the same place, under the same trust, and be kept
/// as long: a careless router must not lend its keys to a careful one.
fn identity(options: &RemoteKeyOptions, url: &Url, host: &dyn Host) -> [String; 4] {
    [
        url.to_string(),
        options.client.tls.trust(host),
        options.max_stale.as_secs().to_string(),
        options.refetch_interval.as_secs().to_string(),
    ]
}

impl KeySource for RemoteKeys {
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, KeysUnavailable> {
        self.keys.get(now).map_err(KeysUnavailable::from)
    }

    fn refetch(&mut self, _: UnixTime, seen: &Rc<KeySet>) -> Result<Rc<KeySet>, KeysUnavailable> {
        self.keys
            .renew(seen, self.refetch_interval)
            .map_err(KeysUnavailable::from)
    }

    fn prefetch(&mut self) {
        self.keys.prefetch();
    }
}

impl From<Unavailable> for KeysUnavailable {
    fn from(unavailable: Unavailable) -> Self {
        Self {
            retry_after_seconds: unavailable.retry_after_seconds(),
            overloaded: unavailable.reason() == Reason::Overloaded,
        }
    }
}

/// A published JWK Set as a shared resource.
struct Jwks {
    name: StateName,
    seal: Seal,
    url: Url,
    max_stale: Duration,
    /// The least time that keys are taken for current.
    refetch_interval: Duration,
    platform: Rc<dyn Platform>,
}

impl Resource for Jwks {
    type Value = KeySet;

    fn name(&self) -> &StateName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "jwks"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn encode(&self, keys: &KeySet) -> Vec<u8> {
        keys.to_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Option<KeySet> {
        KeySet::from_bytes(bytes).ok()
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<KeySet>, FetchError> {
        let request = Request::get(self.url.uri().clone())
            .header(header::ACCEPT, "application/json, application/jwk-set+json")
            .body(Vec::new())
            .map_err(|error| unavailable(format!("the request cannot be built: {error}")))?;
        let response = send(&request)?;
        let status = response.status();
        if !status.is_success() {
            let hint = match status.as_u16() {
                401 | 403 => {
                    ": the key set is not public; in the identity domain's settings turn on \"Configure client access\" \
                     for the signing certificate"
                }
                _ => "",
            };
            return Err(unavailable(format!("status {}{hint}", status.as_u16())));
        }
        let keys = KeySet::from_jwks(response.body())
            .map_err(|error| unavailable(format!("status {} with a body that {error}", status.as_u16())))?;
        for ignored in keys.ignored() {
            self.platform.log(
                &Event::warn("jwks.key_ignored")
                    .field("url", &self.url)
                    .field("reason", ignored),
            );
        }
        let lifetime = cache_control::max_age(response.headers()).map_or(LIFETIME, |asked| {
            asked.clamp(self.refetch_interval, LONGEST_LIFETIME.max(self.refetch_interval))
        });
        let refresh_at = now.plus(lifetime);
        Ok(Fetched {
            value: keys,
            lifetime: Lifetime {
                refresh_at,
                usable_until: refresh_at.plus(self.max_stale),
            },
        })
    }
}

fn unavailable(detail: String) -> FetchError {
    FetchError::Unavailable {
        detail,
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyOptions, Options};
    use egress::platform::Native;
    use serde_json::json;

    /// Whom the keys that such options ask for are shared with.
    fn identity_of(more: &[(&str, serde_json::Value)]) -> [String; 4] {
        let mut block = json!({ "jwksUrl": "https://idcs.example/jwk" });
        for (name, value) in more {
            block[*name] = value.clone();
        }
        let host = Native::new("/nonexistent", |_| {});
        match Options::parse(block.to_string().as_bytes(), &host).unwrap().keys {
            KeyOptions::Remote(options) => identity(&options, &options.urls[0].url, &host),
            KeyOptions::Static(_) => panic!("{block}"),
        }
    }

    #[test]
    fn keys_are_shared_only_between_routers_that_would_have_fetched_the_same() {
        let tls = |tls: serde_json::Value| ("clientConfig", json!({ "tls": tls }));
        let plain = identity_of(&[]);
        assert_eq!(
            plain,
            identity_of(&[("issuers", json!("a")), ("tenant", json!("b"))])
        );
        for different in [
            ("jwksUrl", json!("https://idcs.example/other")),
            ("maxStaleSeconds", json!(0)),
            ("refetchIntervalSeconds", json!(1)),
            tls(json!({ "insecureSkipVerify": true })),
            tls(json!({ "ca": "file:/a.pem" })),
        ] {
            assert_ne!(
                plain,
                identity_of(std::slice::from_ref(&different)),
                "{different:?}"
            );
        }
        let [one, other] = ["file:/a.pem", "file:/b.pem"].map(|ca| identity_of(&[tls(json!({ "ca": ca }))]));
        assert_ne!(one, other);
    }
}
