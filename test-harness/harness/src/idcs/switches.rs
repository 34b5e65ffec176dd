//! The switches that a test can change on a running mock IDCS.

use std::time::Duration;

use crate::faults::Fault;
use crate::server::Availability;

/// The endpoints. Each can fail independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Both documents below `/.well-known/`.
    Discovery,
    /// `POST /oauth2/v1/introspect`.
    Introspect,
    /// `GET /admin/v1/SigningCert/jwk`.
    Jwks,
    /// `POST /oauth2/v1/device`, and the page for the user, `/ui/v1/device`.
    Device,
    /// `POST /oauth2/v1/token`.
    Token,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::Introspect,
        Self::Jwks,
        Self::Device,
        Self::Token,
    ];
}

/// All switches. The defaults are those of IDCS, but the signing certificate is public.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The form of `iss`.
    pub issuer_mode: IssuerMode,
    /// Whether the JWKS is public. If not, a request needs a token with the scope `urn:opc:idm:__myscopes__`, or it
    /// gets 401.
    pub jwks_public: bool,
    /// The `Cache-Control` header of the JWKS, if any.
    pub jwks_cache_header: Option<String>,
    /// Whether the JWKS lists another key before the current one, under the same key ID.
    pub jwks_two_keys_same_kid: bool,
    /// Whether discovery is public. If not, it needs the same token as the JWKS.
    pub discovery_public: bool,
    /// Whether `client_id` and `client_secret` are accepted in the body.
    pub post_body_auth: bool,
    /// The answer to a scope that the client was not granted.
    pub unauthorized_scope_error: ScopeRefusal,
    /// Whether OAuth errors have the member `ecid`.
    pub emit_ecid: bool,
    /// The lifetime of access tokens in seconds.
    pub default_ttl: u32,
    /// Whether a refresh token can be used only once. A second use revokes its whole grant.
    pub refresh_rotation: bool,
    /// The lifetime of refresh tokens in seconds.
    pub refresh_ttl: u32,
    /// The `interval` in seconds that the device endpoint returns. IDCS does not return one.
    pub device_interval: Option<u32>,
    /// The form of `expires_in`.
    pub expires_in: ExpiresIn,
    /// The minimum size of tokens in bytes. Shorter tokens are padded.
    pub token_size: usize,
    /// The form of `aud`.
    pub aud_as_string_or_array: AudienceShape,
    /// The fault of the whole server, if any.
    pub down: Option<Fault>,
    /// The switches of the discovery documents.
    pub discovery: EndpointSwitches,
    /// The switches of the introspection endpoint.
    pub introspect: EndpointSwitches,
    /// The switches of the JWKS.
    pub jwks: EndpointSwitches,
    /// The switches of the device flow.
    pub device: EndpointSwitches,
    /// The switches of the token endpoint.
    pub token: EndpointSwitches,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            issuer_mode: IssuerMode::default(),
            jwks_public: true,
            jwks_cache_header: None,
            jwks_two_keys_same_kid: false,
            discovery_public: true,
            post_body_auth: true,
            unauthorized_scope_error: ScopeRefusal::default(),
            emit_ecid: true,
            default_ttl: 3600,
            refresh_rotation: true,
            refresh_ttl: 604_800,
            device_interval: None,
            expires_in: ExpiresIn::default(),
            token_size: 0,
            aud_as_string_or_array: AudienceShape::default(),
            down: None,
            discovery: EndpointSwitches::default(),
            introspect: EndpointSwitches::default(),
            jwks: EndpointSwitches::default(),
            device: EndpointSwitches::default(),
            token: EndpointSwitches::default(),
        }
    }
}

impl Switches {
    /// Returns the switches of one endpoint.
    pub fn at(&mut self, endpoint: Endpoint) -> &mut EndpointSwitches {
        match endpoint {
            Endpoint::Discovery => &mut self.discovery,
            Endpoint::Introspect => &mut self.introspect,
            Endpoint::Jwks => &mut self.jwks,
            Endpoint::Device => &mut self.device,
            Endpoint::Token => &mut self.token,
        }
    }

    /// Returns the fault of the next request at this endpoint, and removes it from `faults_to_come` if it comes from
    /// there.
    pub(super) fn next_fault(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let endpoint = self.at(endpoint);
        let fault = endpoint.faults_to_come.pop().or_else(|| endpoint.fault.clone());
        self.down.clone().or(fault)
    }

    pub(super) fn availability(&self) -> Availability {
        self.down.as_ref().map(Fault::availability).unwrap_or_default()
    }
}

/// The switches that every endpoint has.
#[derive(Clone, Debug, Default)]
pub struct EndpointSwitches {
    /// The delay before each answer.
    pub latency: Duration,
    /// The fault, if any.
    pub fault: Option<Fault>,
    /// Faults of the next requests, one each. The last one in the list comes first. After them, `fault` applies.
    pub faults_to_come: Vec<Fault>,
    /// Above this rate, the endpoint answers 429.
    pub rate_limit: Option<RateLimit>,
}

/// The number of requests that an endpoint accepts per second of the clock.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// The number of requests.
    pub per_second: usize,
    /// The `Retry-After` of the 429 answers, if any.
    pub retry_after: Option<String>,
}

/// The form of the issuer. All tenants have the same issuer unless it is the domain's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IssuerMode {
    /// `https://identity.oraclecloud.com/`
    #[default]
    SharedSlash,
    /// `https://identity.oraclecloud.com`
    SharedNoSlash,
    /// `https://idcs-<hex>.identity.oraclecloud.com:443`
    Domain,
}

/// The form of `expires_in` in a token response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiresIn {
    /// A number of seconds (RFC 6749 section 5.1).
    #[default]
    Number,
    /// The number in a string.
    Text,
    /// The member is missing.
    Missing,
}

/// The form of the claim `aud` (RFC 7519 section 4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudienceShape {
    /// A string for one audience, an array for several.
    #[default]
    Natural,
    /// Always an array.
    Array,
    /// Always a string, with the first audience.
    Text,
}

/// The answer to a scope that the client was not granted. IDCS gives either of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopeRefusal {
    /// 400 `invalid_scope`
    #[default]
    InvalidScope,
    /// 401 `unauthorized_client`
    UnauthorizedClient,
}
