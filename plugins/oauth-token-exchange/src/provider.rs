//! Where tokens are asked for, and how: what is the same for every caller.

use std::rc::Rc;
use std::time::Duration;

use egress::{Platform, Url};
use http::{Request, Response};
use jwt_plugin::AcceptedIssuers;
use middleware::{ConfigError, Host, Secret, SecretRef, UnixTime};
use oauth::{AccessToken, Client, ClientOptions, RequestError, TokenError, TokenRequest, TokenResponse};
use shared_state::{CallerKey, FetchError, Fetched, Former, Lifetime, Seal, StateName};

use crate::Options;
use crate::config::{JwtBearerOptions, Rfc8693Options};
use crate::subject::Subject;
use crate::user_assertion::UserAssertion;
use crate::users::{NoUser, Users};

/// The token endpoint and the gateway as its client.
pub(crate) struct Provider {
    pub(crate) url: Url,
    client: Client,
    method: Method,
    scopes: Vec<String>,
    parameters: Vec<(String, String)>,
    /// What only this gateway knows. Who does not know it cannot get its callers' tokens, so cannot have those at hand.
    secret: GroupSecret,
    /// What it was before it changed, if it did while this instance ran.
    former: Option<GroupSecret>,
    /// What makes the tokens of this configuration different from those of others.
    group: Vec<String>,
    platform: Rc<dyn Platform>,
}

/// A secret, and what is made of it.
#[derive(Clone)]
struct GroupSecret {
    secret: Secret,
    /// Makes keys of subjects that say nothing about them.
    key: [u8; blake3::KEY_LEN],
}

impl GroupSecret {
    fn new(secret: Secret) -> Self {
        Self {
            key: blake3::derive_key("oic-gateway callers v1", secret.expose().as_bytes()),
            secret,
        }
    }

    fn key_of(&self, subject: &Subject) -> CallerKey {
        *blake3::keyed_hash(&self.key, &subject.to_bytes()).as_bytes()
    }

    /// See [`Provider::place`].
    fn place(&self, group: &[String], key: &CallerKey) -> Option<(StateName, Rc<Seal>)> {
        let group: Vec<&str> = group.iter().map(String::as_str).collect();
        let owner: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut identity = group.clone();
        identity.push(&owner);
        let seal = Seal::secret(&self.secret, &identity).ok()?;
        Some((seal.slot("user-token", &group), Rc::new(seal)))
    }
}

enum Method {
    JwtBearer {
        users: Users,
        assertion: Rc<UserAssertion>,
    },
    Rfc8693 {
        subject_token_type: Rc<str>,
    },
}

/// RFC 8693 section 3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How long a token is used that was got for one whose expiry cannot be seen.
const MOST_UNSEEN: Duration = Duration::from_secs(300);

impl Provider {
    /// Reads the options; `accepted` are the issuers of the tokens that are exchanged.
    pub(crate) fn new(
        options: &Options,
        accepted: &AcceptedIssuers,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        let host: &dyn Host = &*platform;
        let url = Url::parse(&required("url", options.url.as_ref(), host)?)
            .map_err(|error| ConfigError::new("url", error.to_string()))?;
        url.warn_if_plain(
            "url",
            "secrets and tokens travel in clear: use https outside of tests",
            host,
        );
        let client = ClientOptions {
            id: options.client_id.as_ref(),
            secret: options.client_secret.as_ref(),
            method: options.token_endpoint_auth_method.as_deref(),
            assertion: &options.client_assertion,
            tls_key: options.client_config.tls.key.as_ref(),
        };
        let client = client.client(host)?;
        let method = Method::new(options, accepted, &client, host)?;
        let mut scopes = Vec::new();
        for (index, scope) in options.scopes.iter().enumerate() {
            let scope = SecretRef::new(scope).resolve(&format!("scopes[{index}]"), host)?;
            scopes.push(scope.expose().to_owned());
        }
        let mut parameters = options.rfc8693.parameters(host)?;
        for (name, value) in &options.endpoint_params {
            let field = format!("endpointParams.{name}");
            if RESERVED.contains(&name.as_str()) {
                return Err(ConfigError::new(
                    field,
                    "has an option of its own, or is set by the plugin",
                ));
            }
            let value = value.resolve_document(&field, host)?;
            parameters.push((name.clone(), value.expose().to_owned()));
        }
        // With trust: a token from a server that one router trusts must not serve a router that does not trust this server.
        let trust = options.client_config.tls.trust(host);
        let mut group = vec![url.to_string(), client.id.clone(), scopes.join(" "), trust];
        group.extend(method.identity());
        group.extend(parameters.iter().map(|(name, value)| format!("{name}={value}")));
        let secret = client.secret().map(|secret| method.secret(secret));
        let secret = secret.ok_or_else(|| ConfigError::new("clientSecret", "is required"))?;
        Ok(Self {
            url,
            secret: GroupSecret::new(secret),
            former: None,
            client,
            method,
            scopes,
            parameters,
            group,
            platform,
        })
    }

    /// Whom a token that was proven is about.
    pub(crate) fn subject(&self, token: &[u8]) -> Result<Subject, NoUser> {
        match &self.method {
            Method::JwtBearer { users, assertion } => Ok(Subject::User {
                user: users.user(token)?,
                assertion: Rc::clone(assertion),
            }),
            Method::Rfc8693 { subject_token_type } => {
                Subject::of_token(token, subject_token_type).ok_or(NoUser::Claim)
            }
        }
    }

    /// This provider takes the place of `before`, of a configuration that may differ in its secrets.
    pub(crate) fn take_over(&mut self, before: &Self) {
        if self.group == before.group && self.secret.secret != before.secret.secret {
            self.former = Some(before.secret.clone());
        }
    }

    /// Tells subjects apart.
    pub(crate) fn key_of(&self, subject: &Subject) -> CallerKey {
        self.secret.key_of(subject)
    }

    /// Where the token of the subject with this key is kept, and how it is sealed: for this subject and no other.
    /// `None` where it cannot be sealed, which the cryptographic library's interface allows for.
    pub(crate) fn place(&self, key: &CallerKey) -> Option<(StateName, Rc<Seal>)> {
        self.secret.place(&self.group, key)
    }

    /// Where the subject's token was kept before a secret changed.
    pub(crate) fn former_place(&self, subject: &Subject) -> Option<Former> {
        let former = self.former.as_ref()?;
        let (name, seal) = former.place(&self.group, &former.key_of(subject))?;
        Some(Former::new(name, seal))
    }

    /// A request for the subject's token. Good for one use.
    pub(crate) fn request(&self, subject: &Subject, now: UnixTime) -> Result<Request<Vec<u8>>, FetchError> {
        self.build(subject, now).map_err(|error| FetchError::Refused {
            detail: format!("the request cannot be built: {error}"),
        })
    }

    fn build(&self, subject: &Subject, now: UnixTime) -> Result<Request<Vec<u8>>, RequestError> {
        let host: &dyn Host = &*self.platform;
        let client = self.client.clone();
        let mut request = match subject {
            Subject::User { user, assertion } => {
                TokenRequest::jwt_bearer(client, &assertion.about(&user.name, now, host)?)
            }
            Subject::Token { token, kind, .. } => TokenRequest::token_exchange(client, token, kind),
        }
        .scopes(&self.scopes);
        for (name, value) in &self.parameters {
            request = request.parameter(name, value);
        }
        request.to_http(self.url.uri(), now, host)
    }

    /// What the answer to such a request, sent at `now`, gives.
    pub(crate) fn read(
        &self,
        response: &Response<Vec<u8>>,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<Fetched<AccessToken>, FetchError> {
        let token = TokenResponse::read(response, now)
            .map_err(|error| self.whose_fault(error))?
            .access_token;
        let mut jitter = [0];
        self.platform.fill_random(&mut jitter);
        let [jitter] = jitter;
        let mut lifetime = Lifetime {
            refresh_at: token.refresh_at(now, jitter),
            usable_until: token.usable_until(now),
        };
        if let Subject::Token { expires_at, .. } = subject {
            let end = expires_at.unwrap_or_else(|| now.plus(MOST_UNSEEN));
            lifetime.usable_until = lifetime.usable_until.min(end);
            // Another token for the same one would end at the same time.
            if lifetime.usable_until == end {
                lifetime.refresh_at = end;
            }
        }
        Ok(Fetched {
            value: token,
            lifetime,
        })
    }

    /// An assertion or a token that is refused is the caller's matter, everything else the gateway's.
    fn whose_fault(&self, error: TokenError) -> FetchError {
        match error {
            TokenError::Unavailable { detail, retry_after } => {
                FetchError::Unavailable { detail, retry_after }
            }
            TokenError::InvalidGrant(detail) => FetchError::Denied { detail },
            // How RFC 8693 section 2.2.2 has a subject token refused.
            TokenError::InvalidRequest(detail) if matches!(self.method, Method::Rfc8693 { .. }) => {
                FetchError::Denied { detail }
            }
            TokenError::InvalidRequest(detail) | TokenError::Refused(detail) => {
                FetchError::Refused { detail }
            }
        }
    }
}

impl Method {
    fn new(
        options: &Options,
        accepted: &AcceptedIssuers,
        client: &Client,
        host: &dyn Host,
    ) -> Result<Self, ConfigError> {
        // What the other method alone reads would be ignored, and whoever wrote it believes otherwise.
        let only_for = |block: &str, is_given: bool| match is_given {
            true => Err(ConfigError::new(block, "is of no use with this method")),
            false => Ok(()),
        };
        match options.method.as_deref() {
            Some("jwtBearer") => {
                only_for("rfc8693", options.rfc8693.is_given())?;
                Ok(Self::JwtBearer {
                    users: Users::new(&options.jwt_bearer, accepted)?,
                    assertion: Rc::new(UserAssertion::new(options, client, host)?),
                })
            }
            Some("rfc8693") => {
                only_for("jwtBearer", options.jwt_bearer.is_given())?;
                let kind = given(options.rfc8693.subject_token_type.as_deref());
                Ok(Self::Rfc8693 {
                    subject_token_type: kind.unwrap_or(ACCESS_TOKEN).into(),
                })
            }
            _ => Err(ConfigError::new("method", "must be jwtBearer or rfc8693")),
        }
    }

    /// What one must know to get tokens by this method: what proves the client, and what signs assertions about users.
    fn secret(&self, client: &Secret) -> Secret {
        match self {
            Self::Rfc8693 { .. } => client.clone(),
            Self::JwtBearer { assertion, .. } => {
                let both = [client.expose(), assertion.secret().expose()];
                Secret::new(both.join("\n"))
            }
        }
    }

    /// What makes two methods' tokens different.
    fn identity(&self) -> Vec<String> {
        match self {
            Self::Rfc8693 { subject_token_type } => {
                vec!["rfc8693".to_owned(), subject_token_type.as_ref().to_owned()]
            }
            Self::JwtBearer { assertion, .. } => {
                let mut identity = vec!["jwtBearer".to_owned()];
                identity.extend(assertion.identity());
                identity
            }
        }
    }
}

impl JwtBearerOptions {
    fn is_given(&self) -> bool {
        !self.subject_claim.is_empty()
            || !self.users.is_empty()
            || self.assertion.is_given()
            || self.issuer.is_some()
            || !self.claims.is_empty()
    }
}

impl Rfc8693Options {
    fn is_given(&self) -> bool {
        let texts = [&self.subject_token_type, &self.requested_token_type];
        texts.into_iter().any(|text| given(text.as_deref()).is_some())
            || self.audience.is_some()
            || self.resource.is_some()
    }

    fn parameters(&self, host: &dyn Host) -> Result<Vec<(String, String)>, ConfigError> {
        let mut parameters = Vec::new();
        if let Some(wanted) = given(self.requested_token_type.as_deref()) {
            parameters.push(("requested_token_type".to_owned(), wanted.to_owned()));
        }
        for (name, value) in [("audience", &self.audience), ("resource", &self.resource)] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                let value = value.resolve(&format!("rfc8693.{name}"), host)?;
                parameters.push((name.to_owned(), value.expose().to_owned()));
            }
        }
        Ok(parameters)
    }
}

/// The empty string counts as not given.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn required(field: &str, option: Option<&SecretRef>, host: &dyn Host) -> Result<String, ConfigError> {
    let option = option.filter(|value| !value.is_empty());
    let option = option.ok_or_else(|| ConfigError::new(field, "is required"))?;
    Ok(option.resolve(field, host)?.expose().to_owned())
}

/// Parameters that something else sets.
const RESERVED: [&str; 13] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
    "resource",
    "actor_token",
];
