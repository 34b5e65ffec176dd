//! `oAuthClientCredentials`: replaces the caller's token with the gateway's own token. Also tests what happens if there
//! is no such token.
//!
//! There is no `jwt` in front of the plugin, so it receives everything that the caller sends.

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

/// A provider, a backend that trusts it, and a separate router `/<name>` in front of them.
struct Case {
    name: String,
    /// A patch for the default options of the plugin.
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

/// Returns a gateway with an additional router for each case.
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

/// Removes `jwt` from the routers of these paths.
fn unguarded(builder: GatewayBuilder, paths: &[&str]) -> GatewayBuilder {
    let mut routers = json!({});
    for index in 0..paths.len() {
        routers[format!("route-{index}")] = json!({ "middlewares": ["rewrite", "oauth"] });
    }
    builder.routers(paths).http(json!({ "routers": routers }))
}

/// Asserts that the answer is a small RFC 9457 document of the gateway with `reason` and a `Retry-After` of at most
/// `most` seconds. Nothing in it may blame the caller's credentials.
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
