//! Published keys. They are fetched once for all instances that share the state directory.

use std::rc::Rc;
use std::time::Duration;

use egress::{HttpClient, Platform, Url};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use jose::{IgnoredKey, KeySet};
use middleware::{ConfigError, Event, Host, UnixTime};
use oauth::AccessToken;
use shared_state::{
    Exchange, Failure, FetchError, Fetched, Former, Lifetime, RefetchInterval, Resource, Seal, Shared,
    StateName,
};

use crate::cache_control;
use crate::{KeySource, KeyUrl, KeysLogin, RemoteKeyOptions};

/// How long published keys count as current if the issuer does not say.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest lifetime that an issuer may ask for. A withdrawn key stays accepted for this long.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest lifetime that an issuer may ask for, unless `refetchIntervalSeconds` says otherwise.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);

/// A remote source of keys.
pub(crate) struct RemoteKeys {
    keys: Shared<Jwks>,
    pace: RefetchInterval,
}

impl RemoteKeys {
    /// Creates a source that has no keys yet.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used.
    pub(crate) fn new(
        options: &RemoteKeyOptions,
        place: &KeyUrl,
        client: Rc<HttpClient>,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        if let Some(login) = &place.login {
            login.url.warn_if_plain(
                &format!("{}.url", login.option),
                "the client secret and the token travel in clear: use https outside of tests",
                &*platform,
            );
        }
        place.url.warn_if_plain(
            &place.option,
            "anyone on the network path can replace the keys: use https outside of tests",
            &*platform,
        );
        platform.use_directory(options.state_directory.as_deref())?;
        let identity = identity(options, place, &*platform);
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let seal = match &place.login {
            None => Seal::public(&identity),
            // The keys are not secret, but only a client with the right secret may fetch them.
            Some(login) => {
                let problem = |what: String| ConfigError::new(login.option.clone(), what);
                let secret = login.client.secret();
                let secret = secret.ok_or_else(|| problem("needs a secret or a key".to_owned()))?;
                Seal::secret(secret, &identity).map_err(|error| problem(error.to_string()))?
            }
        };
        let jwks = Jwks {
            name: seal.name("jwks", &identity),
            seal: Rc::new(seal),
            former: None,
            proof: place.login.as_ref().map(|login| login.client.proof()),
            url: place.url.clone(),
            login: place.login.clone(),
            max_stale: options.max_stale,
            shortest_lifetime: options.refetch_interval.unwrap_or(SHORTEST_LIFETIME),
            platform: Rc::clone(&platform),
        };
        Ok(Self {
            keys: Shared::new(jwks, platform, client),
            pace: options
                .refetch_interval
                .map(RefetchInterval::every)
                .unwrap_or_default(),
        })
    }
}

/// Returns everything that two routers must have in common to share keys: the URL, the client, the TLS settings, and
/// how long they keep the keys. A router that skips TLS verification must not share its keys with one that does not.
fn identity(options: &RemoteKeyOptions, place: &KeyUrl, host: &dyn Host) -> Vec<String> {
    let mut identity = vec![
        place.url.to_string(),
        options.client.tls.trust(host),
        options.max_stale.as_secs().to_string(),
        match options.refetch_interval {
            Some(interval) => interval.as_secs().to_string(),
            None => String::new(),
        },
    ];
    if let Some(login) = &place.login {
        identity.push(login.url.to_string());
        identity.push(login.client.id.clone());
        identity.push(login.scopes.join(" "));
        identity.push(login.client.authentication.kind().to_owned());
    }
    identity
}

impl KeySource for RemoteKeys {
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, Failure> {
        self.keys.get(now)
    }

    fn fresh(&self, now: UnixTime) -> Option<&Rc<KeySet>> {
        self.keys.fresh(now)
    }

    fn refetch(&mut self, seen: &Rc<KeySet>) -> Rc<KeySet> {
        self.keys.renew(seen, self.pace)
    }

    fn prefetch(&mut self) {
        self.keys.prefetch();
    }

    fn place(&self) -> Option<Former> {
        let keys = self.keys.resource();
        Some(Former::new(keys.name.clone(), Rc::clone(&keys.seal)))
    }

    fn take_over(&mut self, before: Former) {
        let keys = self.keys.resource_mut();
        keys.former = before.of(&keys.name, &keys.seal);
    }
}

/// A published JWK Set as a shared resource.
struct Jwks {
    name: StateName,
    seal: Rc<Seal>,
    /// Where the keys were kept before the secret of the login changed.
    former: Option<Former>,
    /// A fingerprint of the login's secret.
    proof: Option<String>,
    url: Url,
    login: Option<KeysLogin>,
    max_stale: Duration,
    /// The shortest time that keys count as current.
    shortest_lifetime: Duration,
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

    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }

    fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    fn encode(&self, keys: &KeySet) -> Vec<u8> {
        keys.to_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Option<KeySet> {
        KeySet::from_bytes(bytes).ok()
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<KeySet>, FetchError> {
        let token = match &self.login {
            Some(login) => Some(login.token(send, now, &*self.platform)?),
            None => None,
        };
        let response = send(&self.request(token.as_ref())?)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(&response));
        }
        let keys = KeySet::from_jwks(response.body()).map_err(|error| {
            let encoding = response.headers().get(header::CONTENT_ENCODING);
            let encoding = encoding.map_or_else(String::new, |value| {
                format!(
                    " (Content-Encoding: {})",
                    String::from_utf8_lossy(value.as_bytes())
                )
            });
            unavailable(format!(
                "status {} with a body that {error}{encoding}",
                status.as_u16()
            ))
        })?;
        for ignored in keys.ignored() {
            self.platform.log(&key_ignored(&self.url, ignored));
        }
        let lifetime = cache_control::max_age(response.headers()).map_or(LIFETIME, |asked| {
            asked.clamp(
                self.shortest_lifetime,
                LONGEST_LIFETIME.max(self.shortest_lifetime),
            )
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

impl Jwks {
    fn request(&self, token: Option<&AccessToken>) -> Result<Request<Vec<u8>>, FetchError> {
        let failed = |error: http::Error| unavailable(format!("the request cannot be built: {error}"));
        let mut request = Request::get(self.url.uri().clone())
            .header(header::ACCEPT, "application/json, application/jwk-set+json");
        if let Some(token) = token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|error| failed(error.into()))?;
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        request.body(Vec::new()).map_err(failed)
    }

    fn refusal(&self, response: &Response<Vec<u8>>) -> FetchError {
        let status = response.status().as_u16();
        match (status, &self.login) {
            (401 | 403, Some(login)) => FetchError::Refused {
                detail: format!(
                    "status {status} to the token of {}: its scopes are {}, and a key set of IDCS opens to \
                     urn:opc:idm:__myscopes__",
                    login.option,
                    login.scopes.join(" ")
                ),
            },
            (401 | 403, None) => unavailable(format!(
                "status {status}: the key set is not public; give jwksAuth, or turn on \"Configure client access\" for \
                 the signing certificate in the identity domain's settings"
            )),
            _ => FetchError::Unavailable {
                detail: format!("status {status}"),
                retry_after: retry_after(response.headers()),
            },
        }
    }
}

/// Reads the pause that the provider asks for, if it is given in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

fn key_ignored(url: &Url, ignored: &IgnoredKey) -> Event {
    let mut event = Event::new(ignored.reason.level(), "jwks.key_ignored")
        .field("url", url)
        .field("kid", ignored.key_id.as_deref().unwrap_or_default());
    if let Some(member) = ignored.reason.member() {
        event = event.field("member", member);
    }
    event.field("reason", ignored.reason)
}

fn unavailable(detail: String) -> FetchError {
    FetchError::Unavailable {
        detail,
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
