//! Envoy: verifies the token (`jwt_authn`), rewrites the path (`regex_rewrite`) and puts a fixed token into
//! `Authorization`.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::{Errand, Peer, PeerError};
use harness_build::tools;

/// Starts Envoy. `cache` tells whether it remembers verified tokens.
pub(in super::super) fn start(errand: &Errand, cache: bool) -> Result<Peer, PeerError> {
    let binary = tools::envoy()?;
    Peer::start("Envoy", |folder, listen| {
        let config = folder.join("envoy.json");
        fs::write(&config, bootstrap(errand, cache, listen).to_string())?;
        let mut command = Command::new(binary);
        command.arg("--config-path").arg(config);
        // With hot restart, two Envoys on one machine take each other for a predecessor.
        command.args(["--disable-hot-restart", "--log-level", "error"]);
        Ok(command)
    })
}

fn bootstrap(errand: &Errand, cache: bool, listen: SocketAddr) -> Value {
    let mut provider = json!({
        "issuer": errand.issuer,
        "audiences": [errand.audience],
        "local_jwks": { "inline_string": json!({ "keys": [errand.key.jwk()] }).to_string() },
        "forward": true, // replaced below
    });
    if cache {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 10_000 });
    }
    let authn = json!({
        "@type": type_url("extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
        "providers": { "idcs": provider },
        "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "idcs" } }],
    });
    let route = json!({
        "match": { "prefix": "/echo" },
        "route": {
            "cluster": "backend",
            "regex_rewrite": { "pattern": { "regex": errand.regex }, "substitution": errand.replacement },
        },
        "request_headers_to_add": [{
            "header": { "key": "Authorization", "value": format!("Bearer {}", errand.token) },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    });
    let manager = json!({
        "@type": type_url("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "web",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": [
            { "name": "envoy.filters.http.jwt_authn", "typed_config": authn },
            { "name": "envoy.filters.http.router",
              "typed_config": { "@type": type_url("extensions.filters.http.router.v3.Router") } },
        ],
    });
    let backend = json!({
        "name": "backend",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "backend",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(errand.backend) } }] }],
        },
    });
    let chain = json!({
        "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }],
    });
    json!({ "static_resources": {
        "listeners": [{ "name": "web", "address": socket(listen), "filter_chains": [chain] }],
        "clusters": [backend],
    }})
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn type_url(message: &str) -> String {
    format!("type.googleapis.com/envoy.{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_the_only_difference_between_the_two_rows() {
        let errand = Errand::example();
        let listen = SocketAddr::from(([127, 0, 0, 1], 2));
        let mut with = bootstrap(&errand, true, listen);
        let place = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/providers/idcs";
        let provider = with.pointer_mut(place).unwrap().as_object_mut().unwrap();
        assert!(provider.remove("jwt_cache_config").is_some());
        assert_eq!(with, bootstrap(&errand, false, listen));
    }
}
