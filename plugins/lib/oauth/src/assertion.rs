//! Signed assertions: by which a client proves who it is, or vouches for a user (RFC 7521, RFC 7523).

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
    /// What the key was made of.
    secret: Secret,
    key_id: Option<String>,
    thumbprints: Option<Thumbprints>,
    /// The value of `aud` where it is not the usual one.
    audience: Option<String>,
}

/// What an assertion says of its issuer and its subject (RFC 7523 section 3).
#[derive(Debug, Clone, Copy)]
pub struct AssertionClaims<'c> {
    /// `iss`: who vouches.
    pub issuer: &'c str,
    /// `sub`: for whom.
    pub subject: &'c str,
    /// `aud`: to whom.
    pub audience: &'c str,
    /// More claims; those that an assertion has anyway cannot be replaced by them.
    pub more: Option<&'c Map<String, Value>>,
}

/// How long an assertion is good for. It is used at once; the rest is for clocks that differ.
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

    /// Names the key by its certificate: the header parameters `x5t` and `x5t#S256`.
    pub(crate) fn with_thumbprints(self, thumbprints: Option<Thumbprints>) -> Self {
        Self { thumbprints, ..self }
    }

    /// Addresses assertions to `audience` instead of whom they are usually for.
    pub(crate) fn with_audience(self, audience: Option<String>) -> Self {
        Self { audience, ..self }
    }

    /// What the key was made of.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether anybody who has the public half of the key can check its assertions; a shared secret has none.
    pub const fn is_public(&self) -> bool {
        !matches!(self.key, SigningKey::Secret(_))
    }

    /// To whom assertions are addressed, where that is not left to whoever makes them.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// A new assertion by which `client_id` authenticates at `endpoint` (RFC 7523 section 2.2).
    ///
    /// # Errors
    /// [`SigningError`], in practice none.
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

    /// A new assertion that begins at `now`, with a `jti` of its own: a JWS in compact form (RFC 7515 section 3.1).
    ///
    /// # Errors
    /// [`SigningError`], in practice none.
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

    /// How it names its key, and whom it addresses.
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
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect()
    }
}

/// Equal where they sign the same.
impl PartialEq for AssertionSigner {
    fn eq(&self, other: &Self) -> bool {
        (&self.secret, self.header(), &self.audience) == (&other.secret, other.header(), &other.audience)
    }
}

impl Eq for AssertionSigner {}

/// The key is nobody's business.
impl fmt::Debug for AssertionSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionSigner")
            .field("algorithm", &self.key.algorithm())
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
