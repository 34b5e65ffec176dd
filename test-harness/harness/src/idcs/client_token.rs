//! Client tokens that are minted without a request. A test can make them valid or invalid in many ways.

use serde_json::{Value, json};

use super::access_token::{self, Members};
use super::applications::{Application, Resource};
use super::domain::Domain;
use super::key_ring::KeyRing;
use super::scopes::Grantable;
use crate::keys::{Algorithm, SigningKey, signing_input};

/// A token of [`Application::caller`] for [`Resource::gateway_api`] with the scope `echo`. It is valid for an hour and
/// signed with the domain's current key. Each method changes one property.
#[must_use = "a token is made by `mint`"]
pub struct ClientToken {
    header: Members,
    claims: Members,
    /// JSON text after the members, for content that a JSON object cannot have.
    header_tail: String,
    claims_tail: String,
    signer: Option<(SigningKey, Algorithm)>,
    domain_key: SigningKey,
    now: i64,
    size: usize,
}

/// A form of an RSA public key whose bytes a careless verifier might use as an HMAC secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyForm {
    /// SubjectPublicKeyInfo, DER.
    Der,
    /// The JWK member `n`, as text.
    Modulus,
    /// SubjectPublicKeyInfo, PEM.
    Pem,
}

impl ClientToken {
    pub(super) fn new(domain: &Domain) -> Self {
        let resource = Resource::gateway_api();
        let granted = Grantable {
            audience: vec![resource.primary_audience],
            scope: "echo".to_owned(),
            lifetime: None,
            user: None,
            refresh_token: None,
        };
        let key = domain.keys().current.clone();
        Self {
            header: access_token::header(&key),
            claims: access_token::claims(domain, &Application::caller(), &granted, 3600),
            header_tail: String::new(),
            claims_tail: String::new(),
            signer: Some((key.clone(), key.algorithm())),
            domain_key: key,
            now: domain.clock.now(),
            size: 0,
        }
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

    /// Sets a header parameter. Call it after the methods that choose a key.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets the client in `sub`, `client_id` and `client_name`.
    pub fn client_id(self, client_id: &str) -> Self {
        self.claim("sub", client_id)
            .claim("client_id", client_id)
            .claim("client_name", client_id)
    }

    /// Sets the scope names, separated by spaces.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Sets one audience.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets several audiences.
    pub fn audiences(self, audiences: &[&str]) -> Self {
        self.claim("aud", json!(audiences))
    }

    /// Sets the issuer.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Sets the tenant in all claims that contain it.
    pub fn tenant(self, tenant: &str) -> Self {
        self.claim("tenant", tenant)
            .claim("user.tenant.name", tenant)
            .claim("client_tenantname", tenant)
            .claim(
                "tenant_iss",
                format!("https://{tenant}.identity.oraclecloud.com:443"),
            )
    }

    /// Makes the token expire `seconds` from now. Negative values are in the past.
    pub fn expires_in(self, seconds: i64) -> Self {
        let exp = self.now + seconds;
        self.claim("exp", exp)
    }

    /// Makes the token issued two hours ago and expired one hour ago.
    pub fn expired(self) -> Self {
        let iat = self.now - 7200;
        self.claim("iat", iat).expires_in(-3600)
    }

    /// Makes the token valid only in one hour.
    pub fn not_yet_valid(self) -> Self {
        let nbf = self.now + 3600;
        self.claim("nbf", nbf).expires_in(7200)
    }

    /// Signs with this key and algorithm. Key ID, thumbprints and `alg` become those of this key.
    pub fn signed_by(mut self, key: &SigningKey, algorithm: Algorithm) -> Self {
        self.header.insert("kid".to_owned(), json!(key.kid()));
        self.header.insert("alg".to_owned(), json!(algorithm.name()));
        self.header.remove("x5t");
        self.header.remove("x5t#S256");
        self.signer = Some((key.clone(), algorithm));
        self
    }

    /// Signs with a key that no tenant has. The header still names the domain's key.
    pub fn signed_by_another_key(mut self) -> Self {
        self.signer = Some((KeyRing::foreign(), Algorithm::RS256));
        self
    }

    /// Signs with the domain's key and another RSA algorithm.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.signer = Some((self.domain_key.clone(), algorithm));
        self.header("alg", algorithm.name())
    }

    /// Sets `alg` to `none` and leaves the signature empty (RFC 7519 section 6).
    pub fn unsigned(mut self) -> Self {
        self.signer = None;
        self.header("alg", "none")
    }

    /// Algorithm confusion: signs with HS256 and uses the domain's public key, in this form, as the secret.
    pub fn hs256_with_public_key(mut self, form: PublicKeyForm) -> Self {
        let secret = match form {
            PublicKeyForm::Der => self.domain_key.public_der(),
            PublicKeyForm::Modulus => self.domain_key.modulus().unwrap_or_default().into_bytes(),
            PublicKeyForm::Pem => self.domain_key.public_pem().into_bytes(),
        };
        self.signer = Some((SigningKey::hmac(&secret), Algorithm::HS256));
        self.header("alg", "HS256")
    }

    /// Signs with another key and embeds that key in the header parameter `jwk`.
    pub fn embeds_its_key(self) -> Self {
        let jwk = KeyRing::foreign().jwk();
        self.signed_by_another_key()
            .without_header("x5t")
            .without_header("x5t#S256")
            .header("jwk", jwk)
    }

    /// Signs with another key. The header parameter `jku` says that the key is at this URL.
    pub fn jku(self, url: &str) -> Self {
        self.signed_by_another_key().header("jku", url)
    }

    /// Signs with another key. The header parameter `x5u` says that its certificate is at this URL.
    pub fn x5u(self, url: &str) -> Self {
        self.signed_by_another_key().header("x5u", url)
    }

    /// Sets the header parameters that the recipient must understand (RFC 7515 section 4.1.11).
    pub fn crit(self, names: &[&str]) -> Self {
        self.header("crit", json!(names))
    }

    /// Adds a claim whose name exists already. It comes last.
    pub fn duplicate_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims_tail += &format!(",{}:{}", json!(name), value.into());
        self
    }

    /// Adds a header parameter whose name exists already. It comes last.
    pub fn duplicate_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header_tail += &format!(",{}:{}", json!(name), value.into());
        self
    }

    /// Pads the token to at least `size` bytes.
    pub fn padded_to(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// Adds a claim `nested` of `depth` nested arrays.
    pub fn nested(mut self, depth: usize) -> Self {
        self.claims_tail += &format!(",\"nested\":{}{}", "[".repeat(depth), "]".repeat(depth));
        self
    }

    /// Returns the compact token.
    pub fn mint(mut self) -> String {
        let token = self.compact();
        if token.len() >= self.size {
            return token;
        }
        access_token::pad(&mut self.claims, token.len(), self.size);
        self.compact()
    }

    fn compact(&self) -> String {
        let (header, claims) = (
            text(&self.header, &self.header_tail),
            text(&self.claims, &self.claims_tail),
        );
        match &self.signer {
            Some((key, algorithm)) => key.sign(*algorithm, &header, &claims),
            None => signing_input(&header, &claims) + ".",
        }
    }
}

fn text(members: &Members, tail: &str) -> String {
    let object = Value::Object(members.clone()).to_string();
    match object.strip_suffix('}') {
        Some(open) if !members.is_empty() => format!("{open}{tail}}}"),
        _ => format!("{{{}}}", tail.trim_start_matches(',')),
    }
}
