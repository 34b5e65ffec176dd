//! The token endpoint: everything that is the same for all callers.

use std::rc::Rc;
use std::time::Duration;

use egress::{Platform, Url};
use http::{Request, Response};
use jwt_plugin::AcceptedIssuers;
use middleware::config::{required_text, texts};
use middleware::{ConfigError, Host, UnixTime};
use oauth::{
    AccessToken, Client, ClientOptions, RequestError, TokenError, TokenRequest, TokenResponse,
    endpoint_parameters,
};
use shared_state::{CallerKey, FetchError, Fetched, Former, Seal, StateName};

use crate::config::Options;
use crate::group_secret::GroupSecret;
use crate::method::{Method, RESERVED};
use crate::subject::Subject;
use crate::users::NoUser;

/// The token endpoint and the gateway as its client.
pub(crate) struct Provider {
    pub(crate) url: Url,
    client: Client,
    method: Method,
    scopes: Vec<String>,
    parameters: Vec<(String, String)>,
    /// Secret mixed into keys and seals, so other clients cannot read these tokens.
    secret: GroupSecret,
    /// The previous value, if it changed while this instance was running.
    former: Option<GroupSecret>,
    /// The options that distinguish the tokens of two configurations.
    group: Vec<String>,
    platform: Rc<dyn Platform>,
}

/// How long to use the new token if the caller's token has no readable expiry.
const MOST_UNSEEN: Duration = Duration::from_secs(300);

impl Provider {
    /// Reads the options. `accepted` are the issuers of the tokens to exchange.
    pub(crate) fn new(
        options: &Options,
        accepted: &AcceptedIssuers,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        let host: &dyn Host = &*platform;
        let url = Url::parse(&required_text("url", options.url.as_ref(), host)?)
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
        let scopes = texts("scopes", &options.scopes, host)?;
        let mut parameters = options.rfc8693.parameters(host)?;
        parameters.extend(endpoint_parameters(&options.endpoint_params, &RESERVED, host)?);
        // The TLS settings are part of the group: a router must not use a token from a server that only another router
        // trusts.
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

    /// Returns the subject of a verified token.
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

    /// Takes over from `before`, whose configuration may differ in its secrets.
    pub(crate) fn take_over(&mut self, before: &Self) {
        if self.group == before.group && self.secret != before.secret {
            self.former = Some(before.secret.clone());
        }
    }

    /// Returns the key that identifies this subject.
    pub(crate) fn key_of(&self, subject: &Subject) -> CallerKey {
        self.secret.key_of(subject)
    }

    /// Returns the name and the seal of the subject's token, which no other subject shares. `None` only if the
    /// cryptographic library fails.
    pub(crate) fn place(&self, key: &CallerKey) -> Option<(StateName, Rc<Seal>)> {
        self.secret.place(&self.group, key)
    }

    /// Returns where the subject's token was stored before a secret changed.
    pub(crate) fn former_place(&self, subject: &Subject) -> Option<Former> {
        let former = self.former.as_ref()?;
        let (name, seal) = former.place(&self.group, &former.key_of(subject))?;
        Some(Former::new(name, seal))
    }

    /// Builds a request for the subject's token. It may be sent only once.
    pub(crate) fn request(&self, subject: &Subject, now: UnixTime) -> Result<Request<Vec<u8>>, FetchError> {
        Ok(self.build(subject, now)?)
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

    /// Reads the answer to a request that was sent at `now`.
    pub(crate) fn read(
        &self,
        response: &Response<Vec<u8>>,
        subject: &Subject,
        now: UnixTime,
    ) -> Result<Fetched<AccessToken>, FetchError> {
        let token = TokenResponse::read(response, now)
            .map_err(|error| self.whose_fault(error))?
            .access_token;
        let mut lifetime = token.lifetime(now, &*self.platform);
        if let Subject::Token { expires_at, .. } = subject {
            let end = expires_at.unwrap_or_else(|| now.plus(MOST_UNSEEN));
            lifetime.usable_until = lifetime.usable_until.min(end);
            // A new exchange of the same token would give the same expiry, so there is no reason to refresh earlier.
            if lifetime.usable_until == end {
                lifetime.refresh_at = end;
            }
        }
        Ok(Fetched {
            value: token,
            lifetime,
        })
    }

    /// Decides who is at fault: the caller if the assertion or the token is refused, otherwise the gateway.
    fn whose_fault(&self, error: TokenError) -> FetchError {
        match error {
            TokenError::InvalidGrant(detail) => FetchError::Denied { detail },
            // RFC 8693 section 2.2.2 requires this answer if the subject token is not acceptable.
            TokenError::InvalidRequest(detail) if matches!(self.method, Method::Rfc8693 { .. }) => {
                FetchError::Denied { detail }
            }
            error => error.into(),
        }
    }
}
