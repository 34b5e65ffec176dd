//! The provider's answer about one token, as a shared resource.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use claims::{ClaimHeaders, ClaimValues, Policy, Validity, other_kind};
use credentials::Basic;
use egress::{Platform, Url};
use form_urlencoded::Serializer;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Request};
use jose::{Claims, Rejection};
use middleware::config::{given_together, required_text};
use middleware::{ConfigError, Event, Host, Secret, SecretRef, UnixTime};
use shared_state::{Budget, Exchange, FetchError, Fetched, Former, Lifetime, Resource, Seal, StateName};

use crate::answer;
use crate::config::{LEEWAY, Options};

/// The part of the request that is the same for all tokens, and the rules for the answer.
pub(crate) struct Question {
    url: Url,
    headers: HeaderMap,
    token_type_hint: Option<String>,
    policy: Policy,
    claim_headers: ClaimHeaders,
    max_cache: Duration,
    /// The client's secret, or empty. Stored answers are sealed under a key that also depends on it.
    pepper: String,
    /// The previous secret, if it changed while this instance was running.
    former_pepper: Option<String>,
    /// Everything that distinguishes two questions.
    identity: Vec<String>,
}

impl Question {
    pub(crate) fn new(
        options: &Options,
        claim_headers: ClaimHeaders,
        platform: &Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        const URL: &str = "clientConfig.url";
        let host: &dyn Host = &**platform;
        let url = Url::parse(&required_text(URL, options.client_config.url.as_ref(), host)?)
            .map_err(|error| ConfigError::new(URL, error.to_string()))?;
        url.warn_if_plain(
            URL,
            "tokens travel in clear, and anybody on the way can say that one is active: use https outside of tests",
            host,
        );
        let mut identity = vec![
            url.to_string(),
            options.client_config.tls.trust(host),
            options.max_cache()?.as_secs().to_string(),
            options.client_config.token_type_hint.clone(),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in &options.client_config.headers {
            let field = format!("clientConfig.headers.{name}");
            let (name, value) = header(&field, name, value, host)?;
            identity.push(format!("{name}={}", String::from_utf8_lossy(value.as_bytes())));
            headers.append(name, value);
        }
        let pepper = match client(options, host)? {
            Some((id, secret)) => {
                if headers.contains_key(header::AUTHORIZATION) {
                    return Err(ConfigError::new(
                        "clientConfig.headers.Authorization",
                        "cannot be combined with clientID: the header comes from it",
                    ));
                }
                headers.insert(header::AUTHORIZATION, authorization(&id, &secret)?);
                identity.push(format!("client={id}"));
                secret.expose().to_owned()
            }
            None => String::new(),
        };
        Ok(Self {
            url,
            headers,
            token_type_hint: Some(options.client_config.token_type_hint.clone()).filter(|it| !it.is_empty()),
            policy: options.policy()?,
            claim_headers,
            max_cache: options.max_cache()?,
            pepper,
            former_pepper: None,
            identity,
        })
    }

    /// Takes over from `before`, whose configuration may differ in its secret.
    pub(crate) fn take_over(&mut self, before: &Self) {
        if self.pepper != before.pepper {
            self.former_pepper = Some(before.pepper.clone());
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn required_scopes(&self) -> &[String] {
        &self.policy.required_scopes
    }

    /// Builds the introspection request for a token (RFC 7662 §2.1).
    fn about(&self, token: &str) -> http::Result<Request<Vec<u8>>> {
        let mut body = Serializer::new(String::new());
        body.append_pair("token", token);
        if let Some(hint) = &self.token_type_hint {
            body.append_pair("token_type_hint", hint);
        }
        let mut request = Request::post(self.url.uri().clone())
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded;charset=UTF-8",
            )
            .header(header::ACCEPT, "application/json")
            .body(body.finish().into_bytes())?;
        request
            .headers_mut()
            .extend(self.headers.iter().map(|(n, v)| (n.clone(), v.clone())));
        Ok(request)
    }

    fn judge(&self, claims: &Claims, now: UnixTime) -> Result<(Validity, ClaimValues), Rejection> {
        let validity = self.policy.judge(claims, now)?;
        Ok((validity, self.claim_headers.values(claims)?))
    }
}

/// Builds the header for HTTP Basic. Both parts are form-encoded first (RFC 6749 §2.3.1), so neither contains a colon.
fn authorization(id: &str, secret: &Secret) -> Result<HeaderValue, ConfigError> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let wrong = |error: &str| ConfigError::new("clientID", error);
    let basic = Basic::new(encode(id), Secret::new(encode(secret.expose()))).map_err(wrong)?;
    let mut value =
        HeaderValue::try_from(basic.header_value()).map_err(|_| wrong("cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client(options: &Options, host: &dyn Host) -> Result<Option<(String, Secret)>, ConfigError> {
    let id = ("clientID", options.client_id.as_ref());
    let secret = ("clientSecret", options.client_secret.as_ref());
    let Some((id, secret)) = given_together(id, secret)? else {
        return Ok(None);
    };
    let id = id.resolve("clientID", host)?.expose().to_owned();
    Ok(Some((id, secret.resolve("clientSecret", host)?)))
}

fn header(
    field: &str,
    name: &str,
    value: &SecretRef,
    host: &dyn Host,
) -> Result<(HeaderName, HeaderValue), ConfigError> {
    if value.expose().contains("{{") {
        return Err(ConfigError::new(
            field,
            "is a Go template, which this plugin does not know: give the value itself, env:NAME or file:/path",
        ));
    }
    let name = HeaderName::try_from(name).map_err(|_| ConfigError::new(field, "is not a header name"))?;
    if RESERVED.contains(&name) {
        return Err(ConfigError::new(field, "is set by the plugin itself"));
    }
    let value = value.resolve(field, host)?;
    let mut value = HeaderValue::try_from(value.expose())
        .map_err(|_| ConfigError::new(field, "has characters that no header has"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

const RESERVED: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TRANSFER_ENCODING,
];

/// The shortest time for which an answer is used.
const SHORTEST: Duration = Duration::from_secs(1);

/// The provider's answer about a token, with this plugin's verdict.
pub(crate) struct Judged {
    /// The answer as it was received.
    json: Vec<u8>,
    /// How long the claims are valid and the header values for the backend, or why the token is rejected.
    pub(crate) verdict: Result<(Validity, ClaimValues), Rejection>,
}

impl Judged {
    /// Returns the header values for a request at `now`.
    pub(crate) fn values_at(&self, now: UnixTime) -> Result<ClaimValues, Rejection> {
        match &self.verdict {
            Ok((validity, values)) if validity.contains(now) => Ok(values.clone()),
            Ok(_) => Err(Rejection::Expired),
            Err(rejection) => Err(*rejection),
        }
    }
}

/// The question about one token.
pub(crate) struct Introspection {
    question: Rc<Question>,
    token: Secret,
    name: StateName,
    seal: Rc<Seal>,
    /// Where the answer was kept before the client's secret changed.
    former: Option<Former>,
    budget: Rc<Budget>,
    platform: Rc<dyn Platform>,
    /// Whether the token was active before. Asking about it again is then not a guess.
    proven: Cell<bool>,
}

impl Introspection {
    /// Returns `None` only if the cryptographic library fails, which does not happen in practice.
    pub(crate) fn new(
        question: Rc<Question>,
        token: String,
        budget: Rc<Budget>,
        platform: Rc<dyn Platform>,
    ) -> Option<Self> {
        let identity: Vec<&str> = question.identity.iter().map(String::as_str).collect();
        let place = |pepper: &str| {
            // Without the token, the answer cannot be decrypted. A token has no control characters, so the separator is
            // unambiguous.
            let secret = Secret::new(format!("{token}\0{pepper}"));
            let seal = Seal::secret(&secret, &identity).ok()?;
            Some((seal.slot("introspection", &identity), Rc::new(seal)))
        };
        let (name, seal) = place(&question.pepper)?;
        let former = question.former_pepper.as_deref().and_then(place);
        Some(Self {
            former: former.and_then(|(former, old)| Former::new(former, old).of(&name, &seal)),
            name,
            token: Secret::new(token),
            seal,
            question,
            budget,
            platform,
            proven: Cell::new(false),
        })
    }
}

impl Introspection {
    /// Logs that the provider calls the token active, but not an access token. If this happens with all tokens, the
    /// operator must learn which value the provider uses.
    fn log_other_kind(&self, rejection: Rejection, claims: &Claims) {
        if rejection != Rejection::NotAccessToken {
            return;
        }
        let event = Event::warn("introspection.not_access_token");
        self.platform.log(&match other_kind(claims) {
            Some((member, kind)) => {
                let kind = kind.as_str().unwrap_or_default();
                event
                    .field("member", member)
                    .field("value", kind.chars().take(64).collect::<String>())
            }
            None => event.field("member", "those of an ID token or a security event"),
        });
    }
}

impl Resource for Introspection {
    type Value = Judged;

    fn name(&self) -> &StateName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "introspection"
    }

    fn url(&self) -> &Url {
        &self.question.url
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }

    fn encode(&self, judged: &Judged) -> Vec<u8> {
        judged.json.clone()
    }

    fn decode(&self, bytes: &[u8]) -> Option<Judged> {
        let claims = Claims::of_answer(bytes).ok()?;
        let verdict = self.question.judge(&claims, self.platform.now());
        // A router with other rules may not have needed a member that this router cannot read. Asking again reports it.
        if verdict
            .as_ref()
            .err()
            .copied()
            .and_then(answer::unreadable)
            .is_some()
        {
            return None;
        }
        self.proven.set(true);
        Some(Judged {
            json: bytes.to_vec(),
            verdict,
        })
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<Judged>, FetchError> {
        if !self.proven.get() {
            self.budget.take("")?;
        }
        let request = self
            .question
            .about(self.token.expose())
            .map_err(|error| FetchError::Refused {
                detail: format!("the request cannot be built: {error}"),
            })?;
        let response = send(&request)?;
        let claims = answer::read(&response).inspect_err(|error| {
            if matches!(error, FetchError::Denied { .. }) {
                self.proven.set(false);
            }
        })?;
        self.proven.set(true);
        let verdict = self.question.judge(&claims, now);
        if let Err(rejection) = verdict {
            if let Some(error) = answer::unreadable(rejection) {
                return Err(error);
            }
            self.log_other_kind(rejection, &claims);
        }
        let latest = now.plus(self.question.max_cache);
        let usable_until = match &verdict {
            // The leeway is not included. If a token has expired by our clock but the provider still calls it active,
            // the provider is asked again every time.
            Ok((validity, _)) => validity
                .expires()
                .minus(LEEWAY)
                .max(now.plus(SHORTEST))
                .min(latest),
            Err(_) => latest,
        };
        let lifetime = Lifetime {
            refresh_at: usable_until.minus(usable_until.since(now) / 5),
            usable_until,
        };
        let value = Judged {
            json: response.into_body(),
            verdict,
        };
        Ok(Fetched { value, lifetime })
    }
}
