//! Times signature checks with three libraries inside a real Traefik, where the plugins do them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use harness::client::Client;
use harness::keys::{Algorithm, SigningKey};
use harness::traefik::{LocalPlugin, Traefik, TraefikError};
use harness_build::guests::{self, GuestError};

/// Median times of one signature check, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckSpeed {
    /// The code of the plugins, with a prepared key.
    pub ours: f64,
    /// ring.
    pub ring: f64,
    /// jwt-simple in pure Rust. It also parses the token.
    pub jwt_simple: f64,
    /// Time to prepare a key for the plugins' code.
    pub key: f64,
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum RsaSpeedError {
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

/// Starts a Traefik that checks an RS256 signature `rounds` times with each library. The key has 2048, 3072 or 4096
/// `bits`.
pub fn measure(bits: usize, rounds: u32) -> Result<CheckSpeed, RsaSpeedError> {
    let key = SigningKey::rsa_cached(bits, 0);
    let token = key.sign(
        Algorithm::RS256,
        r#"{"alg":"RS256","typ":"JWT"}"#,
        r#"{"sub":"someone"}"#,
    );
    measure_checks(&key, &token, rounds)
}

/// Starts a Traefik that checks an ES256 signature `rounds` times with each library.
pub fn measure_es256(rounds: u32) -> Result<CheckSpeed, RsaSpeedError> {
    let key = SigningKey::p256();
    let token = key.sign(
        Algorithm::ES256,
        r#"{"alg":"ES256","typ":"JWT"}"#,
        r#"{"sub":"someone"}"#,
    );
    measure_request(json!({ "jwk": key.jwk() }), &token, rounds)
}

/// Like [`measure`], but checks `token` with `key`.
pub fn measure_checks(key: &SigningKey, token: &str, rounds: u32) -> Result<CheckSpeed, RsaSpeedError> {
    let jwk = key.jwk();
    measure_request(
        json!({ "modulus": jwk["n"], "exponent": jwk["e"] }),
        token,
        rounds,
    )
}

/// Asks the probe to check `token` with the key in `request`.
fn measure_request(mut request: Value, token: &str, rounds: u32) -> Result<CheckSpeed, RsaSpeedError> {
    const NAME: &str = "rsa-speed";
    let folder = tempfile::tempdir().map_err(|error| failed("make a temporary folder", error))?;
    let wasm = guests::build_probe("probe-rsa-speed")?;
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
    request["message"] = json!(URL_SAFE_NO_PAD.encode(message));
    request["signature"] = json!(signature);
    request["rounds"] = json!(rounds);
    let answer = Client::plain()
        .post(&traefik.url())
        .json(&request)
        .timeout(Duration::from_secs(120))
        .send()
        .map_err(|error| failed("ask the probe", error))?;
    let (status, text) = (answer.status, answer.text());
    let nanoseconds: CheckSpeed =
        serde_json::from_str(&text).map_err(|_| RsaSpeedError::Refused { status, text })?;
    Ok(CheckSpeed {
        ours: nanoseconds.ours / 1e3,
        ring: nanoseconds.ring / 1e3,
        jwt_simple: nanoseconds.jwt_simple / 1e3,
        key: nanoseconds.key / 1e3,
    })
}

fn failed(action: &str, error: impl std::fmt::Display) -> RsaSpeedError {
    RsaSpeedError::Failed(format!("{action}: {error}"))
}
