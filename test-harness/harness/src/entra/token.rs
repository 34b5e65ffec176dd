//! Access tokens of Entra ID for users.

use serde_json::{Map, Value, json};

use super::tenant::{API, TENANT, issuers};
use crate::clock::Clock;
use crate::keys::SigningKey;

/// A token that is valid for an hour by default. Each method changes one property.
#[must_use = "a token is made by `mint`"]
pub struct EntraToken {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    user: String,
}

impl EntraToken {
    pub(super) fn new(key: SigningKey, user: &str) -> Self {
        let now = Clock::default().now();
        let [_, issuer] = issuers();
        let claims = json!({
            "aud": API,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "aio": "AXQAi/8TAAAA",
            "azp": "f1e2d3c4-b5a6-4978-8a9b-0c1d2e3f4a5b",
            "azpacr": "1",
            "name": user,
            "oid": oid(user),
            "preferred_username": user,
            "rh": "0.AUoA",
            "roles": ["Orders.Read"],
            "scp": "access_as_user",
            "sub": "hKq1pTqkR0v2",
            "tid": TENANT,
            // This claim is optional. The registration of the API requests it.
            "upn": user,
            "uti": "xJm4QbN2",
            "ver": "2.0",
        });
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": key.kid() });
        Self {
            key,
            header: members(header),
            claims: members(claims),
            user: user.to_owned(),
        }
    }

    /// Makes it a version 1 token: with another issuer and audience, and without `preferred_username`.
    pub fn v1(mut self) -> Self {
        let [issuer, _] = issuers();
        for gone in ["preferred_username", "azp", "azpacr"] {
            self.claims.remove(gone);
        }
        let user = self.user.clone();
        self.header.insert("x5t".to_owned(), json!(self.key.kid()));
        self.claim("iss", issuer)
            .claim("aud", format!("api://{API}"))
            .claim("appid", "f1e2d3c4-b5a6-4978-8a9b-0c1d2e3f4a5b")
            .claim("appidacr", "1")
            .claim("unique_name", user.as_str())
            .claim("upn", user)
            .claim("ver", "1.0")
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Makes the token expire `seconds` from now. Negative values are in the past.
    pub fn expires_in(self, seconds: i64) -> Self {
        let now = Clock::default().now();
        self.claim("iat", now - 7200)
            .claim("nbf", now - 7200)
            .claim("exp", now + seconds)
    }

    /// Signs with another key under the tenant's key ID.
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Returns the compact token.
    pub fn mint(self) -> String {
        let (header, claims) = (Value::Object(self.header), Value::Object(self.claims));
        self.key
            .sign(self.key.algorithm(), &header.to_string(), &claims.to_string())
    }
}

/// Returns an object ID of the tenant. It is always the same for the same user.
fn oid(user: &str) -> String {
    let sum = user
        .bytes()
        .fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("5e0c1b2a-3d4f-4a5b-9c6d-{:012x}", sum & 0xffff_ffff_ffff)
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
