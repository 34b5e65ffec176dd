//! Keys published at `jwksUrl`, fetched once for everybody who shares the state directory.

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

/// How long published keys are taken for current where the issuer does not say.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest time that an issuer may ask for: a key that was withdrawn would count for as long.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest time that an issuer may ask for, where `refetchIntervalSeconds` does not say.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);

/// The remote source of keys.
pub(crate) struct RemoteKeys {
    keys: Shared<Jwks>,
    pace: RefetchInterval,
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
        if let Some(login) = &place.login {
            login.url.warn_if_plain(
                &format!("{}.url", login.option),
                "the client secret and the token travel in clear: use https outside of tests",
                &*platform,
            );
        }
        place.url.warn_if_plain(
            &place.option,
            "whoever is on the way can put in keys of his own: use https outside of tests",
            &*platform,
        );
        platform.use_directory(options.state_directory.as_deref())?;
        let identity = identity(options, place, &*platform);
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let seal = match &place.login {
            None => Seal::public(&identity),
            // The keys are no secret, but whether this client may have them says its secret alone.
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

/// Keys are shared only where they would have been fetched from the same place, by the same client, under the same trust,
/// and be kept as long: a careless router must not lend its keys to a careful one.
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
    /// Where they lay before the secret of the login changed.
    former: Option<Former>,
    /// What the login proves itself with.
    proof: Option<String>,
    url: Url,
    login: Option<KeysLogin>,
    max_stale: Duration,
    /// The least time that keys are taken for current.
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

/// How long the provider asks to be left alone, where it says so in seconds.
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
mod tests {
    use super::*;
    use crate::{KeyOptions, Options};
    use egress::platform::Native;
    use middleware::{Level, Secret};
    use oauth::{Client, ClientAuthentication};
    use serde_json::json;

    /// Whom the keys that such options ask for are shared with.
    fn identity_of(more: &[(&str, serde_json::Value)]) -> Vec<String> {
        let mut block = json!({ "jwksUrl": "https://idcs.example/jwk" });
        for (name, value) in more {
            block[*name] = value.clone();
        }
        let host = Native::new("/nonexistent", |_| {});
        match Options::parse(block.to_string().as_bytes(), &host).unwrap().keys {
            KeyOptions::Remote(options) => identity(&options, &options.urls[0], &host),
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
            ("refetchIntervalSeconds", json!(30)),
            (
                "jwksAuth",
                json!({ "url": "https://idcs.example/token", "clientID": "a", "clientSecret": "b" }),
            ),
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

    fn jwks(login: Option<KeysLogin>) -> Jwks {
        let seal = Seal::public(&[]);
        Jwks {
            name: seal.name("jwks", &[]),
            seal: Rc::new(seal),
            former: None,
            proof: None,
            url: Url::parse("https://idcs.example/jwk").unwrap(),
            login,
            max_stale: Duration::ZERO,
            shortest_lifetime: Duration::from_secs(1),
            platform: Rc::new(Native::new("/nonexistent", |_| {})),
        }
    }

    fn login() -> KeysLogin {
        KeysLogin {
            option: "jwksAuth".to_owned(),
            url: Url::parse("https://idcs.example/token").unwrap(),
            client: Client {
                id: "gateway".to_owned(),
                authentication: ClientAuthentication::SecretBasic(Secret::new("hunter2")),
            },
            scopes: vec!["urn:opc:idm:__myscopes__".to_owned()],
        }
    }

    /// Fetches from a provider that gives these answers; the second value is what it was asked.
    fn fetch(jwks: &Jwks, answers: &[(u16, &str)]) -> (Result<Fetched<KeySet>, FetchError>, Vec<String>) {
        let (mut asked, mut answers) = (Vec::new(), answers.iter());
        let mut send = |request: &Request<Vec<u8>>| {
            let authorization = request.headers().get(header::AUTHORIZATION);
            let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
            let body = String::from_utf8_lossy(request.body());
            asked.push(format!("{} {authorization} {body}", request.uri()));
            let (status, body) = answers.next().unwrap();
            let answer = Response::builder().status(*status);
            Ok(answer.body(body.as_bytes().to_vec()).unwrap())
        };
        let outcome = jwks.fetch(&mut send, UnixTime::from_secs(1000));
        (outcome, asked)
    }

    const KEYS: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}]}"#;
    const TOKEN: &str = r#"{"access_token":"a.b-c","token_type":"Bearer","expires_in":60}"#;

    #[test]
    fn keys_that_are_not_public_are_asked_for_with_a_token_of_the_gateways() {
        let (outcome, asked) = fetch(&jwks(Some(login())), &[(200, TOKEN), (200, KEYS)]);
        assert_eq!(
            outcome.unwrap().value,
            KeySet::from_jwks(KEYS.as_bytes()).unwrap()
        );
        let basic = "Basic Z2F0ZXdheTpodW50ZXIy";
        let form = "grant_type=client_credentials&scope=urn%3Aopc%3Aidm%3A__myscopes__";
        assert_eq!(
            asked,
            [
                format!("https://idcs.example/token {basic} {form}"),
                "https://idcs.example/jwk Bearer a.b-c ".to_owned()
            ]
        );
        let (_, asked) = fetch(&jwks(None), &[(200, KEYS)]);
        assert_eq!(asked, ["https://idcs.example/jwk - "]);
    }

    #[test]
    fn a_key_that_is_left_out_is_named_with_the_member_that_is_to_blame() {
        let document = json!({"keys": [
            {"kty": "RSA", "kid": "enc", "use": "enc"}, {"kty": "RSA", "kid": "SIGNING_KEY", "n": 7},
            {"kty": "EC", "crv": "P-521", "alg": "ES512"}, {"kty": "OKP", "crv": "Ed25519",
            "x": "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"},
        ]});
        let keys = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
        let url = Url::parse("https://idcs.example/jwk").unwrap();
        let events: Vec<_> = keys
            .ignored()
            .iter()
            .map(|ignored| key_ignored(&url, ignored))
            .collect();
        let told: Vec<_> = events.iter().map(|event| (event.level(), event.line())).collect();
        let begin = "code=jwks.key_ignored url=https://idcs.example/jwk";
        assert_eq!(
            told,
            [
                (
                    Level::Debug,
                    format!("{begin} kid=enc reason=\"it is not meant for signatures\"").as_str()
                ),
                (
                    Level::Warn,
                    &format!("{begin} kid=SIGNING_KEY member=n reason=\"its n is malformed\"")
                ),
                (
                    Level::Info,
                    &format!("{begin} kid=\"\" member=alg reason=\"its alg is not supported\"")
                ),
            ]
        );
    }

    #[test]
    fn an_answer_that_is_not_a_key_set_says_what_it_is() {
        for (body, told) in [
            (
                "",
                "status 200 with a body that is not a JSON Web Key Set: it is empty",
            ),
            ("<!doctype html>", "it is HTML or XML"),
            (r#"{"jwks_uri":"https://a/b"}"#, "it is the issuer's metadata"),
            (
                r#"{"keys":[{"kid":"a","kty":"RSA","n":"AQAB"}]}"#,
                r#"holds no usable key; the key "a": its e is missing"#,
            ),
        ] {
            let (outcome, _) = fetch(&jwks(None), &[(200, body)]);
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(told), "{body}: {error}");
        }
        let mut gzip = |_: &Request<Vec<u8>>| {
            let answer = Response::builder().header(header::CONTENT_ENCODING, "gzip");
            Ok(answer.body(b"\x1f\x8b\x08\0".to_vec()).unwrap())
        };
        let outcome = jwks(None).fetch(&mut gzip, UnixTime::from_secs(1000));
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.contains("it is compressed") && error.contains("(Content-Encoding: gzip)"),
            "{error}"
        );
        let marked = format!("\u{feff}{KEYS}");
        assert!(fetch(&jwks(None), &[(200, &marked)]).0.is_ok());
    }

    #[test]
    fn whose_fault_it_is_is_told_apart() {
        let refused = r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;
        for (login, answers, is_refused, told) in [
            (
                Some(login()),
                &[(401, refused)][..],
                true,
                "jwksAuth: status 401, error: invalid_client",
            ),
            (Some(login()), &[(503, "")], false, "jwksAuth: status 503"),
            (
                Some(login()),
                &[(200, "{}")],
                false,
                "jwksAuth: status 200 without",
            ),
            (
                Some(login()),
                &[(200, TOKEN), (401, "")],
                true,
                "status 401 to the token of jwksAuth: its scopes are urn:opc:idm:__myscopes__",
            ),
            (Some(login()), &[(200, TOKEN), (500, "")], false, "status 500"),
            (None, &[(401, "")], false, "give jwksAuth"),
        ] {
            let (outcome, _) = fetch(&jwks(login), answers);
            let error = outcome.unwrap_err();
            let text = error.to_string();
            assert!(text.contains(told), "{text}");
            assert_eq!(matches!(error, FetchError::Refused { .. }), is_refused, "{text}");
            assert!(!text.contains("hunter2") && !text.contains("a.b-c"), "{text}");
        }
    }

    #[test]
    fn a_provider_that_asks_to_be_left_alone_is() {
        for (value, seconds) in [
            (Some("7"), Some(7)),
            (Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (None, None),
        ] {
            let outcome = jwks(None).fetch(
                &mut |_| {
                    let answer = Response::builder().status(429);
                    let answer = match value {
                        Some(value) => answer.header(header::RETRY_AFTER, value),
                        None => answer,
                    };
                    Ok(answer.body(Vec::new()).unwrap())
                },
                UnixTime::from_secs(1000),
            );
            let expected = FetchError::Unavailable {
                detail: "status 429".to_owned(),
                retry_after: seconds.map(Duration::from_secs),
            };
            assert_eq!(outcome.unwrap_err(), expected, "{value:?}");
        }
    }
}
