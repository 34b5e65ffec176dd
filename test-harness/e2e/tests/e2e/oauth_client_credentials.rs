//! `oAuthClientCredentials`: the gateway's own token in the caller's place, and what happens without one.
//!
//! No `jwt` stands before it here, so that everything the caller sends reaches it.

mod client_authentication;
mod other_servers;
mod provider_trouble;
mod token;
mod token_request;

use harness::certificates::CertificateAuthority;
use harness::client::Response;
use harness::gateway::{Gateway, GatewayBuilder, OAUTH_CLIENT_CREDENTIALS, default_options};
use harness::idcs::Idcs;
use harness::oic::Oic;
use serde_json::{Value, json};

use harness::merge::merge;

/// One provider, one backend that trusts it, and one router of its own, `/<name>`, in front of them.
struct Case {
    name: String,
    /// Laid over the default options of the plugin.
    options: Value,
    idcs: Idcs,
    oic: Oic,
}

impl Case {
    fn new(name: &str, options: Value) -> Self {
        Self::of(Idcs::start(), name, options)
    }

    fn of(idcs: Idcs, name: &str, options: Value) -> Self {
        let oic = Oic::start(&idcs);
        Self {
            name: name.to_owned(),
            options,
            idcs,
            oic,
        }
    }

    fn get(&self, gateway: &Gateway) -> Response {
        gateway.get(&format!("/{}", self.name)).send().unwrap()
    }
}

/// A gateway that has a router for each case beside its own.
fn side_by_side<'c>(cases: impl IntoIterator<Item = &'c Case>) -> GatewayBuilder {
    let ca = CertificateAuthority::shared().ca_pem();
    let (mut routers, mut middlewares, mut services) = (json!({}), json!({}), json!({}));
    for Case {
        name,
        options,
        idcs,
        oic,
    } in cases
    {
        let mut merged = default_options(idcs, &ca)[OAUTH_CLIENT_CREDENTIALS].take();
        merge(&mut merged, options);
        routers[name] = json!({
            "rule": format!("Path(`/{name}`)"),
            "middlewares": ["rewrite", name],
            "service": name,
        });
        middlewares[name] = json!({ "plugin": { OAUTH_CLIENT_CREDENTIALS: merged } });
        services[name] =
            json!({ "loadBalancer": { "servers": [{ "url": oic.url() }], "serversTransport": "oic" } });
    }
    Gateway::builder().http(json!({ "routers": routers, "middlewares": middlewares, "services": services }))
}

/// Takes `jwt` out of the routers of these paths.
fn unguarded(builder: GatewayBuilder, paths: &[&str]) -> GatewayBuilder {
    let mut routers = json!({});
    for index in 0..paths.len() {
        routers[format!("route-{index}")] = json!({ "middlewares": ["rewrite", "oauth"] });
    }
    builder.routers(paths).http(json!({ "routers": routers }))
}

/// A small RFC 9457 document of our own with `reason`, a `Retry-After` of at most `most` seconds, and nothing that would
/// make the caller doubt his own credentials.
fn assert_refused(name: &str, answer: &Response, status: u16, reason: &str, most: u64) {
    let shown = format!("{name}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_eq!(answer.status, status, "{shown}");
    assert_eq!(answer.json()["reason"], reason, "{shown}");
    assert_eq!(answer.json()["status"], status, "{shown}");
    assert_eq!(answer.json().as_object().unwrap().len(), 4, "{shown}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=most).contains(&seconds), "{shown}");
    assert_eq!(answer.header("www-authenticate"), None, "{shown}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{shown}"
    );
}
