//! Times signature checks with three libraries inside a real Traefik, where the plugins do them.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use harness::client::Client;
use harness::keys::{Algorithm, SigningKey};
use harness::traefik::{LocalPlugin, Traefik, TraefikError};
use harness_build::guests::{self, GuestError};

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RS256 with a key of 2048, 3072 or 4096 bits.
    Rs256(usize),
    /// ES256.
    Es256,
    /// ES384.
    Es384,
    /// EdDSA with Ed25519.
    EdDsa,
}

impl Kind {
    /// The algorithm of the token.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256(_) => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    fn key(self) -> SigningKey {
        match self {
            Self::Rs256(bits) => SigningKey::rsa_cached(bits, 0),
            Self::Es256 => SigningKey::p256(),
            Self::Es384 => SigningKey::p384(),
            Self::EdDsa => SigningKey::ed25519(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rs256(bits) => write!(f, "RS256, {bits} bits"),
            _ => f.write_str(self.algorithm().name()),
        }
    }
}

/// Median times of one check, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The crates `rsa-verify` and `p256-verify`, with a prepared key. They have no other algorithms.
    pub ours: Option<f64>,
    /// ring.
    pub ring: f64,
    /// jwt-simple in pure Rust. It also parses the token.
    pub jwt_simple: f64,
    /// Time to prepare a key for our crate.
    pub key: Option<f64>,
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    /// The probe cannot be built.
    #[error(transparent)]
    Guest(#[from] GuestError),

    /// Traefik does not run the probe.
    #[error(transparent)]
    Traefik(#[from] TraefikError),

    /// A file or the connection failed.
    #[error("could not {0}; run it again")]
    Failed(String),

    /// The probe ran, but did not answer with times.
    #[error("the probe answered {status}: {text}; one of the libraries does not work in this Traefik")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The response body.
        text: String,
    },
}

/// Starts a Traefik that checks a signature `rounds` times with each library.
pub fn measure(kind: Kind, rounds: u32) -> Result<Speed, SpeedError> {
    let key = kind.key();
    let header = json!({ "alg": kind.algorithm().name(), "typ": "JWT" });
    let token = key.sign(kind.algorithm(), &header.to_string(), r#"{"sub":"someone"}"#);
    measure_checks(kind, &key, &token, rounds)
}

/// Like [`measure`], but checks `token` with `key`.
pub fn measure_checks(kind: Kind, key: &SigningKey, token: &str, rounds: u32) -> Result<Speed, SpeedError> {
    const NAME: &str = "signature-speed";
    let folder = tempfile::tempdir().map_err(|error| failed("make a temporary folder", error))?;
    let wasm = guests::build_probe("probe-signature-speed")?;
    let lowered = guests::lower(&wasm, false).map_err(|source| GuestError::Lower {
        folder: NAME.into(),
        source,
    })?;
    guests::lay_out_probe(folder.path(), NAME, &lowered.wasm)?;

    let dynamic = json!({ "http": {
        "routers": { NAME: {
            "rule": "PathPrefix(`/`)", "entryPoints": ["web"],
            "middlewares": [NAME], "service": "noop@internal",
        } },
        "middlewares": { NAME: { "plugin": { NAME: {} } } },
    } });
    let traefik = Traefik::builder()
        .plugins_from(folder.path())
        .plugin(LocalPlugin::new(NAME, guests::probe_module(NAME)))
        .dynamic(dynamic.to_string())
        .start()?;

    let (message, signature) = token.rsplit_once('.').unwrap_or_default();
    let answer = Client::plain()
        .post(&traefik.url())
        .json(&json!({
            "algorithm": kind.algorithm().name(),
            "jwk": key.jwk(),
            "message": URL_SAFE_NO_PAD.encode(message),
            "signature": signature,
            "rounds": rounds,
        }))
        .timeout(Duration::from_secs(120))
        .send()
        .map_err(|error| failed("ask the probe", error))?;
    let (status, text) = (answer.status, answer.text());
    let nanoseconds: Speed = serde_json::from_str(&text).map_err(|_| SpeedError::Refused { status, text })?;
    Ok(Speed {
        ours: nanoseconds.ours.map(|time| time / 1e3),
        ring: nanoseconds.ring / 1e3,
        jwt_simple: nanoseconds.jwt_simple / 1e3,
        key: nanoseconds.key.map(|time| time / 1e3),
    })
}

fn failed(action: &str, error: impl std::fmt::Display) -> SpeedError {
    SpeedError::Failed(format!("{action}: {error}"))
}
