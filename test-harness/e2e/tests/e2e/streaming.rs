//! The plugins do not buffer anything. Events, uploads, trailers, upgrades and large bodies pass the whole chain of
//! plugins as they arrive, with every HTTP version on both sides. A client that disconnects leaves nothing behind.

mod aborts;
mod bodies;
mod caller;
mod events;
mod expect;
mod trailers;
mod websocket;

use harness::certificates::CertificateAuthority;
use harness::gateway::Gateway;
use harness::oic::Oic;
use serde_json::{Value, json};

use harness::merge::merge;

/// The protocol between Traefik and the backend.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Backend {
    Http1,
    /// HTTP/2 in clear text with prior knowledge (RFC 9113 section 3.3).
    H2c,
    /// HTTP/2 over TLS, negotiated by ALPN, as with the real OIC.
    Http2,
}

impl Backend {
    const ALL: [Self; 3] = [Self::Http1, Self::H2c, Self::Http2];

    /// Starts the default gateway in front of this backend. It also has an entry point for TLS, the debug API of
    /// Traefik, and a router without plugins for the backend's own paths.
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

/// Replaces the certificate that Traefik generates at its start.
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

/// The name of the entry point for TLS.
const TLS: &str = "websecure";
