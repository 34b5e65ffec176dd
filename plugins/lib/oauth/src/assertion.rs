//! Signed assertions. A client uses them to authenticate, or to vouch for a user (RFC 7521, RFC 7523).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use middleware::{Host, Secret, UnixTime};
use serde_json::{Map, Value, json};

use crate::signing_key::{SigningError, SigningKey, Thumbprints};

/// Signs assertions with one key.
pub struct AssertionSigner {
    key: SigningKey,
    /// The text that the key was read from.
    secret: Secret,
    key_id: Option<String>,
    thumbprints: Option<Thumbprints>,
    /// The value of `aud`, if it is not the default.
    audience: Option<String>,
}

/// The claims of an assertion (RFC 7523 section 3).
#[derive(Debug, Clone, Copy)]
pub struct AssertionClaims<'c> {
    /// `iss`: who vouches for the subject.
    pub issuer: &'c str,
    /// `sub`: whom the assertion is about.
    pub subject: &'c str,
    /// `aud`: who the assertion is meant for.
    pub audience: &'c str,
    /// Additional claims. They cannot replace the claims that every assertion has.
    pub more: Option<&'c Map<String, Value>>,
}

/// How long an assertion is valid. It is used at once; the rest allows for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(300);

impl AssertionSigner {
    pub(crate) fn new(key: SigningKey, secret: Secret) -> Self {
        Self {
            key,
            secret,
            key_id: None,
            thumbprints: None,
            audience: None,
        }
    }

    /// Names the key in the header parameter `kid`.
    pub(crate) fn with_key_id(self, key_id: Option<String>) -> Self {
        Self { key_id, ..self }
    }

    /// Names the key by its certificate, in the header parameters `x5t` and `x5t#S256`.
    pub(crate) fn with_thumbprints(self, thumbprints: Option<Thumbprints>) -> Self {
        Self { thumbprints, ..self }
    }

    /// Sets the value of `aud` in place of the default.
    pub(crate) fn with_audience(self, audience: Option<String>) -> Self {
        Self { audience, ..self }
    }

    /// Returns the text that the key was read from.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Returns whether the signature can be verified with a public key. For a shared secret it cannot.
    pub const fn is_public(&self) -> bool {
        !matches!(self.key, SigningKey::Secret(_))
    }

    /// Returns the configured `aud`. `None` leaves the choice to the caller.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Creates an assertion with which `client_id` authenticates at `endpoint` (RFC 7523 section 2.2).
    ///
    /// # Errors
    /// [`SigningError`], which does not occur in practice.
    pub(crate) fn of_client(
        &self,
        client_id: &str,
        endpoint: &str,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<Secret, SigningError> {
        let claims = AssertionClaims {
            issuer: client_id,
            subject: client_id,
            audience: self.audience().unwrap_or(endpoint),
            more: None,
        };
        self.sign(claims, now, host)
    }

    /// Creates an assertion that is valid from `now` on and has a unique `jti`. The result is a JWS in compact form
    /// (RFC 7515 section 3.1).
    ///
    /// # Errors
    /// [`SigningError`], which does not occur in practice.
    pub fn sign(
        &self,
        claims: AssertionClaims<'_>,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<Secret, SigningError> {
        let mut id = [0; 16];
        host.fill_random(&mut id);
        let issued_at = now.as_millis() / 1000;
        let mut members = claims.more.cloned().unwrap_or_default();
        for (name, value) in [
            ("iss", json!(claims.issuer)),
            ("sub", json!(claims.subject)),
            ("aud", json!(claims.audience)),
            ("iat", json!(issued_at)),
            ("exp", json!(issued_at.saturating_add(LIFETIME.as_secs()))),
            ("jti", json!(URL_SAFE_NO_PAD.encode(id))),
        ] {
            members.insert(name.to_owned(), value);
        }
        let encode = |part: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part).to_string());
        let message = format!("{}.{}", encode(self.header()), encode(members));
        let signature = self.key.sign(message.as_bytes())?;
        Ok(Secret::new(format!(
            "{message}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }

    /// Describes how the assertions name their key, and their audience.
    pub(crate) fn names(&self) -> String {
        let audience = self.audience.clone().map(Value::from);
        Value::from(vec![Value::Object(self.header()), audience.unwrap_or_default()]).to_string()
    }

    fn header(&self) -> Map<String, Value> {
        let thumbprints = self.thumbprints.as_ref();
        let members = [
            ("alg", Some(self.key.algorithm().to_owned())),
            ("typ", Some("JWT".to_owned())),
            ("kid", self.key_id.clone()),
            ("x5t", thumbprints.map(|it| URL_SAFE_NO_PAD.encode(it.sha1))),
            (
                "x5t#S256",
                thumbprints.map(|it| URL_SAFE_NO_PAD.encode(it.sha256)),
            ),
        ];
        // Inserting one by one needs no sorting, which would be compiled for this type alone.
        let mut header = Map::new();
        for (name, value) in members {
            if let Some(value) = value {
                header.insert(name.to_owned(), value.into());
            }
        }
        header
    }
}

/// Two signers are equal if they sign in the same way.
impl PartialEq for AssertionSigner {
    fn eq(&self, other: &Self) -> bool {
        (&self.secret, self.header(), &self.audience) == (&other.secret, other.header(), &other.audience)
    }
}

impl Eq for AssertionSigner {}

/// Does not show the key.
impl fmt::Debug for AssertionSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionSigner")
            .field("algorithm", &self.key.algorithm())
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
