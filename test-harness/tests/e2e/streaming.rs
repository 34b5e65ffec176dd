//! Nothing is held back: events, uploads, trailers, upgrades and large bodies pass the whole chain of plugins as they
//! come, over every version of HTTP on either side, and a client that goes away leaves nothing behind.

mod aborts;
mod bodies;
mod caller;
mod events;
mod expect;
mod trailers;
mod websocket;

use serde_json::{Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::gateway::Gateway;
use test_harness::oic::Oic;

use crate::support::merge;

/// What Traefik and the backend speak.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Backend {
    Http1,
    /// HTTP/2 in clear text, with prior knowledge (RFC 9113 section 3.3).
    H2c,
    /// HTTP/2 over TLS, chosen by ALPN, as with the real OIC.
    Http2,
}

impl Backend {
    const ALL: [Self; 3] = [Self::Http1, Self::H2c, Self::Http2];

    /// The usual gateway in front of such a backend, with a second entry point for TLS, a look inside Traefik,
    /// and a router without any plugin for the backend's own paths.
    fn gateway(self) -> Gateway {
        let mut url = String::new();
        let builder = Gateway::builder().oic(|idcs| {
            let oic = match self {
                Self::Http1 | Self::H2c => Oic::builder(idcs).plain_http().start(),
                Self::Http2 => Oic::start(idcs),
            };
            url = oic.url();
            oic
        });
        if self == Self::H2c {
            url = url.replace("http:", "h2c:");
        }
        let mut gateway = builder
            .http(json!({
                "routers": {
                    "route-0": { "entryPoints": ["web", TLS] },
                    "bare": { "rule": "PathPrefix(`/ic`)", "entryPoints": ["web", TLS], "service": "oic" },
                },
                "services": { "oic": { "loadBalancer": { "servers": [{ "url": url }] } } },
            }))
            .traefik(|traefik| {
                traefik
                    .entry_point(TLS, json!({ "http": { "tls": {} } }))
                    .static_patch(json!({ "api": { "debug": true } }))
            })
            .start();
        show_a_trusted_certificate(&mut gateway);
        gateway
    }
}

/// In place of the one that Traefik makes up at its start.
fn show_a_trusted_certificate(gateway: &mut Gateway) {
    let folder = gateway.traefik.dir().to_owned();
    let (certificate, key) = CertificateAuthority::shared()
        .issue(&["127.0.0.1"])
        .write(&folder, "entry-point")
        .unwrap();
    let dynamic = std::fs::read(folder.join("dynamic/dynamic.yml")).unwrap();
    let mut dynamic: Value = serde_json::from_slice(&dynamic).unwrap();
    let shown = json!({ "certFile": certificate, "keyFile": key });
    merge(
        &mut dynamic,
        &json!({ "tls": { "stores": { "default": { "defaultCertificate": shown } } } }),
    );
    gateway.traefik.write_dynamic(&dynamic.to_string()).unwrap();
}

/// The entry point for TLS.
const TLS: &str = "websecure";
