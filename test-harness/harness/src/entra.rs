//! A mock of Microsoft Entra ID as an API sees it: access tokens of both versions, and the keys of the tenant.
//!
//! In scope: the issuers of versions 1 and 2, a JWK Set whose keys have no `alg`, key rotation.
//! Out of scope: how users sign in.
//!
//! ```no_run
//! use harness::entra::Entra;
//!
//! let entra = Entra::start();
//! let token = entra.token("jane@example.com").mint();
//! ```

mod tenant;
mod token;

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

pub use self::tenant::{API, TENANT, issuers};
pub use self::token::EntraToken;
use crate::certificates::CertificateAuthority;
use crate::faults::Answer;
use crate::keys::SigningKey;
use crate::server::{Body, BrokenOff, Control, Server, Service, Tls};
use crate::verification;

/// A running mock of one tenant. It stops when it is dropped. All other methods are on [`EntraHandle`].
pub struct Entra {
    handle: EntraHandle,
    _server: Server,
}

/// A handle to a mock Entra ID. Clones refer to the same mock.
#[derive(Clone)]
pub struct EntraHandle {
    tenant: Arc<Tenant>,
    control: Control,
}

struct Tenant {
    keys: Mutex<Keys>,
}

struct Keys {
    current: SigningKey,
    next: usize,
}

const RSA_BITS: usize = 2048;
/// The first key number of the mock. No identity domain uses numbers from here on.
const FIRST_KEY: usize = 800_000;

impl Entra {
    /// Starts the mock with a certificate from [`CertificateAuthority::shared`].
    pub fn start() -> Self {
        let key = SigningKey::rsa_cached(RSA_BITS, FIRST_KEY);
        let tenant = Arc::new(Tenant {
            keys: Mutex::new(Keys {
                current: named(&key),
                next: FIRST_KEY + 1,
            }),
        });
        let names = ["localhost", "127.0.0.1"];
        let tls = Tls {
            trusted: CertificateAuthority::shared().issue(&names).server_config(),
            untrusted: CertificateAuthority::unrelated().issue(&names).server_config(),
        };
        let server = Server::start(Arc::clone(&tenant), Some(tls));
        let handle = EntraHandle {
            tenant,
            control: server.control().clone(),
        };
        Self {
            handle,
            _server: server,
        }
    }

    /// Returns a handle that can be cloned and sent to other threads.
    pub fn handle(&self) -> EntraHandle {
        self.handle.clone()
    }
}

impl Deref for Entra {
    type Target = EntraHandle;

    fn deref(&self) -> &EntraHandle {
        &self.handle
    }
}

impl EntraHandle {
    /// Returns the URL of the tenant's JWK Set, which serves both versions.
    pub fn jwks_url(&self) -> String {
        format!("https://{}{JWKS_PATH}", self.control.address())
    }

    /// Returns both issuers: version 1, then version 2.
    pub fn issuers(&self) -> [String; 2] {
        issuers()
    }

    /// Prepares a version 2 token of a user for [`API`]. Change it, then mint it.
    pub fn token(&self, user: &str) -> EntraToken {
        EntraToken::new(self.signing_key(), user)
    }

    /// Returns the key that signs now.
    pub fn signing_key(&self) -> SigningKey {
        lock(&self.tenant.keys).current.clone()
    }

    /// Signs with a new key under a new key ID. The old key leaves the JWK Set at once.
    pub fn rotate_now(&self) {
        let mut keys = lock(&self.tenant.keys);
        let next = SigningKey::rsa_cached(RSA_BITS, keys.next);
        keys.next += 1;
        keys.current = named(&next);
    }

    /// Returns the claims of a token that this tenant's current key signed, that has one of its issuers, and that has
    /// not expired at `now` (Unix seconds).
    pub(crate) fn claims_of(&self, token: &str, now: i64) -> Option<Map<String, Value>> {
        let claims = verification::verify(&[self.signing_key()], token, now).ok()?;
        let issuer = claims.get("iss").and_then(Value::as_str)?;
        let is_ours = issuers().iter().any(|known| known == issuer);
        is_ours.then_some(claims)
    }
}

impl Service for Tenant {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BrokenOff> {
        let answer = match request.uri().path() {
            JWKS_PATH => Answer::json(StatusCode::OK, &self.jwks()),
            _ => Answer::empty(StatusCode::NOT_FOUND),
        };
        Ok(answer.into_response())
    }
}

impl Tenant {
    /// Builds a JWK Set in Entra ID's form: no `alg`, but `use`, `issuer`, and the key ID again as `x5t`.
    fn jwks(&self) -> Value {
        let key = lock(&self.keys).current.clone();
        let mut jwk = key.idcs_jwk();
        if let Some(members) = jwk.as_object_mut() {
            for other in ["alg", "key_ops", "x5t#S256"] {
                members.remove(other);
            }
        }
        jwk["use"] = json!("sig");
        jwk["x5t"] = json!(key.kid());
        jwk["issuer"] = json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        json!({ "keys": [jwk] })
    }
}

/// Renames the key. Entra ID uses the thumbprint of the certificate as the key ID.
fn named(key: &SigningKey) -> SigningKey {
    key.with_kid(&key.x5t())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The JWK Set of one tenant. Both versions have the same keys.
const JWKS_PATH: &str = "/6c1f3b0e-9a52-4d0c-8b7e-2f4a5d6e7f80/discovery/v2.0/keys";
