//! What a test can change about a running mock IDCS, by name.

use std::time::Duration;

use crate::faults::Fault;
use crate::server::Availability;

/// The endpoints that can fail apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Both documents below `/.well-known/`.
    Discovery,
    /// `POST /oauth2/v1/introspect`.
    Introspect,
    /// `GET /admin/v1/SigningCert/jwk`.
    Jwks,
    /// `POST /oauth2/v1/device` and the user's page, `/ui/v1/device`.
    Device,
    /// `POST /oauth2/v1/token`.
    Token,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::Introspect,
        Self::Jwks,
        Self::Device,
        Self::Token,
    ];
}

/// All switches. The defaults are IDCS's own behaviour, with the signing certificate open to everybody.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The form of `iss`.
    pub issuer_mode: IssuerMode,
    /// Whether the JWKS is open; otherwise it takes a token of scope `urn:opc:idm:__myscopes__`, or answers 401.
    pub jwks_public: bool,
    /// The JWKS's `Cache-Control`, if any.
    pub jwks_cache_header: Option<String>,
    /// The JWKS shows another key before the current one, under the same key id.
    pub jwks_two_keys_same_kid: bool,
    /// Whether discovery is open; otherwise it takes the same token as the JWKS.
    pub discovery_public: bool,
    /// Whether `client_id` and `client_secret` are taken in the body.
    pub post_body_auth: bool,
    /// The answer to a scope that the client was not granted.
    pub unauthorized_scope_error: ScopeRefusal,
    /// Whether OAuth errors carry the member `ecid`.
    pub emit_ecid: bool,
    /// Lifetime of access tokens in seconds.
    pub default_ttl: u32,
    /// Whether a refresh token is good for one use only, and a second use revokes its whole grant.
    pub refresh_rotation: bool,
    /// Lifetime of refresh tokens in seconds.
    pub refresh_ttl: u32,
    /// The `interval` that devices are told to poll in, seconds; IDCS tells none.
    pub device_interval: Option<u32>,
    /// The form of `expires_in`.
    pub expires_in: ExpiresIn,
    /// Tokens are padded to at least this many bytes.
    pub token_size: usize,
    /// The form of `aud`.
    pub aud_as_string_or_array: AudienceShape,
    /// The whole server fails so.
    pub down: Option<Fault>,
    /// The discovery documents' own switches.
    pub discovery: EndpointSwitches,
    /// The introspection endpoint's own switches.
    pub introspect: EndpointSwitches,
    /// The JWKS's own switches.
    pub jwks: EndpointSwitches,
    /// The device flow's own switches.
    pub device: EndpointSwitches,
    /// The token endpoint's own switches.
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
    /// The switches of one endpoint.
    pub fn at(&mut self, endpoint: Endpoint) -> &mut EndpointSwitches {
        match endpoint {
            Endpoint::Discovery => &mut self.discovery,
            Endpoint::Introspect => &mut self.introspect,
            Endpoint::Jwks => &mut self.jwks,
            Endpoint::Device => &mut self.device,
            Endpoint::Token => &mut self.token,
        }
    }

    /// The fault of the next request at this endpoint; counts those that come a number of times.
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
    /// Waits so long before it answers.
    pub latency: Duration,
    /// Fails so.
    pub fault: Option<Fault>,
    /// Fails so once for each, the last one first, then goes on as `fault` says.
    pub faults_to_come: Vec<Fault>,
    /// Answers 429 above this rate.
    pub rate_limit: Option<RateLimit>,
}

/// Requests that an endpoint takes in each second of the clock.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// How many it takes.
    pub per_second: usize,
    /// The `Retry-After` of the refusals, if any.
    pub retry_after: Option<String>,
}

/// The form of the issuer, which is one string for all tenants unless it is the domain's own.
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
    /// Left out.
    Missing,
}

/// The form of the claim `aud` (RFC 7519 section 4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudienceShape {
    /// A string if there is one audience, an array if there are several.
    #[default]
    Natural,
    /// Always an array.
    Array,
    /// Always a string: the first audience.
    Text,
}

/// The answer to a scope that the client was not granted; IDCS is seen to give either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopeRefusal {
    /// 400 `invalid_scope`
    #[default]
    InvalidScope,
    /// 401 `unauthorized_client`
    UnauthorizedClient,
}
