//! The `jwt` plugin: what it rejects, what it accepts, and how it behaves while the identity provider has problems.

mod access;
mod algorithms;
mod authorization_header;
mod claim_headers;
mod claims;
mod issuers;
mod outages;
mod private_keys;
mod published_keys;
mod refusals;
mod rotation;
mod tenants;
mod token_key;

use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::Response;
use harness::gateway::{Gateway, GatewayBuilder, JWT};
use harness::idcs::{Idcs, IdcsHandle};
use harness::oic::Oic;
use serde_json::{Map, Value, json};

use crate::support::Deadline;

/// Creates one router for each pair of a path and `jwt` options. No other plugin is in use and the backend accepts
/// everything, so only the plugin decides what passes.
fn routes(idcs: Idcs, routes: &[(&str, Value)]) -> GatewayBuilder {
    let (mut routers, mut middlewares) = (Map::new(), Map::new());
    for (path, options) in routes {
        let name = path.trim_start_matches('/');
        let router = json!({
            "rule": format!("PathPrefix(`{path}`)"),
            "entryPoints": ["web"],
            "middlewares": [name],
            "service": "oic",
        });
        routers.insert(name.to_owned(), router);
        middlewares.insert(name.to_owned(), json!({ "plugin": { JWT: options } }));
    }
    Gateway::in_front_of(idcs)
        .oic(|idcs| Oic::builder(idcs).strict(false).start())
        .routers(&[])
        .http(json!({ "routers": routers, "middlewares": middlewares }))
}

/// Returns the options for a gateway that trusts the published keys of this domain.
fn published_by(idcs: &IdcsHandle) -> Value {
    let authority = CertificateAuthority::shared().ca_pem();
    json!({ "jwksUrl": idcs.jwks_url(), "clientConfig": { "tls": { "ca": authority } } })
}

/// Returns `options` with one more option.
fn with(mut options: Value, name: &str, value: impl Into<Value>) -> Value {
    options[name] = value.into();
    options
}

/// The response that a rejected caller gets.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    status: u16,
    reason: &'static str,
    challenge: Option<&'static str>,
}

impl Refusal {
    const MISSING_TOKEN: Self = Self {
        status: 401,
        reason: "missing_token",
        challenge: Some(r#"Bearer realm="oic-gateway""#),
    };
    const INVALID_REQUEST: Self = Self {
        status: 400,
        reason: "invalid_request",
        challenge: Some(r#"Bearer realm="oic-gateway", error="invalid_request""#),
    };
    const INVALID_TOKEN: Self = Self {
        status: 401,
        reason: "invalid_token",
        challenge: Some(r#"Bearer realm="oic-gateway", error="invalid_token""#),
    };
    /// The refusal of a router that requires the scope `echo`.
    const INSUFFICIENT_SCOPE: Self = Self {
        status: 403,
        reason: "insufficient_scope",
        challenge: Some(r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="echo""#),
    };
    const CLAIMS_NOT_MET: Self = Self {
        status: 403,
        reason: "insufficient_scope",
        challenge: Some(r#"Bearer realm="oic-gateway", error="insufficient_scope""#),
    };
    const FORM_TOO_LONG: Self = Self {
        status: 413,
        reason: "form_too_long",
        challenge: None,
    };
    const IDENTITY_PROVIDER_UNAVAILABLE: Self = Self {
        status: 503,
        reason: "identity_provider_unavailable",
        challenge: None,
    };

    /// Asserts that `answer` is this refusal and contains nothing else (RFC 6750 section 3, RFC 9457).
    #[track_caller]
    fn assert(self, case: &str, answer: &Response) {
        let body = answer.json();
        let told = (
            answer.status,
            body["reason"].as_str(),
            answer.header("www-authenticate"),
        );
        let text = answer.text();
        assert_eq!(
            told,
            (self.status, Some(self.reason), self.challenge),
            "{case}: {text}"
        );
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("application/problem+json"), "{case}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
        let challenges = answer.headers.get_all("www-authenticate").iter().count();
        assert_eq!(challenges, usize::from(self.challenge.is_some()), "{case}");
        let retry_after = answer.header("retry-after").map(|seconds| seconds.parse::<u64>());
        match self.status {
            503 => assert!(matches!(retry_after, Some(Ok(1..=60))), "{case}: {retry_after:?}"),
            _ => assert_eq!(retry_after, None, "{case}"),
        }
        let members: Vec<&String> = body.as_object().into_iter().flat_map(Map::keys).collect();
        assert_eq!(members, ["reason", "status", "title", "type"], "{case}");
        assert_eq!(body["status"], self.status, "{case}");
        assert_eq!(
            body["type"],
            format!("urn:oic-gateway:problem:{}", self.reason),
            "{case}"
        );
    }
}

/// Repeats `attempt` until it returns a value. Panics after `limit`.
fn within<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(limit);
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        deadline.pause(what);
    }
}
