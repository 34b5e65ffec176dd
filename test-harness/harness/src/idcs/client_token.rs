//! Client tokens minted without a request, right or wrong in any way a test needs.

use serde_json::{Value, json};

use super::access_token::{self, Members};
use super::applications::{Application, Resource};
use super::domain::Domain;
use super::key_ring::KeyRing;
use super::scopes::Grantable;
use crate::keys::{Algorithm, SigningKey, signing_input};

/// A token of [`Application::caller`] for [`Resource::gateway_api`] with scope `echo`, valid for an hour, signed
/// with the domain's current key; every method changes one thing about it.
#[must_use = "a token is made by `mint`"]
pub struct ClientToken {
    header: Members,
    claims: Members,
    /// JSON text put behind the members, for what a JSON object cannot hold.
    header_tail: String,
    claims_tail: String,
    signer: Option<(SigningKey, Algorithm)>,
    domain_key: SigningKey,
    now: i64,
    size: usize,
}

/// The bytes of an RSA public key that a careless verifier might use as an HMAC secret.
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

    /// Leaves a claim out.
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Sets a header parameter; call it after what chooses a key.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The client: `sub`, `client_id` and `client_name`.
    pub fn client_id(self, client_id: &str) -> Self {
        self.claim("sub", client_id)
            .claim("client_id", client_id)
            .claim("client_name", client_id)
    }

    /// Scope names, separated by spaces.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// One audience.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Several audiences.
    pub fn audiences(self, audiences: &[&str]) -> Self {
        self.claim("aud", json!(audiences))
    }

    /// The issuer.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// The tenant, in all claims that name it.
    pub fn tenant(self, tenant: &str) -> Self {
        self.claim("tenant", tenant)
            .claim("user.tenant.name", tenant)
            .claim("client_tenantname", tenant)
            .claim(
                "tenant_iss",
                format!("https://{tenant}.identity.oraclecloud.com:443"),
            )
    }

    /// Expires so many seconds from now; negative is in the past.
    pub fn expires_in(self, seconds: i64) -> Self {
        let exp = self.now + seconds;
        self.claim("exp", exp)
    }

    /// Issued two hours ago, expired one hour ago.
    pub fn expired(self) -> Self {
        let iat = self.now - 7200;
        self.claim("iat", iat).expires_in(-3600)
    }

    /// Valid from an hour on.
    pub fn not_yet_valid(self) -> Self {
        let nbf = self.now + 3600;
        self.claim("nbf", nbf).expires_in(7200)
    }

    /// Signed with this key and algorithm; key id, thumbprints and `alg` become this key's.
    pub fn signed_by(mut self, key: &SigningKey, algorithm: Algorithm) -> Self {
        self.header.insert("kid".to_owned(), json!(key.kid()));
        self.header.insert("alg".to_owned(), json!(algorithm.name()));
        self.header.remove("x5t");
        self.header.remove("x5t#S256");
        self.signer = Some((key.clone(), algorithm));
        self
    }

    /// Signed with a key that no tenant has, under a header that claims the domain's.
    pub fn signed_by_another_key(mut self) -> Self {
        self.signer = Some((KeyRing::foreign(), Algorithm::RS256));
        self
    }

    /// Another RSA algorithm of the domain's key.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.signer = Some((self.domain_key.clone(), algorithm));
        self.header("alg", algorithm.name())
    }

    /// `alg` is `none` and there is no signature (RFC 7519 section 6).
    pub fn unsigned(mut self) -> Self {
        self.signer = None;
        self.header("alg", "none")
    }

    /// Algorithm confusion: HS256 with the domain's public key, in this form, as the secret.
    pub fn hs256_with_public_key(mut self, form: PublicKeyForm) -> Self {
        let secret = match form {
            PublicKeyForm::Der => self.domain_key.public_der(),
            PublicKeyForm::Modulus => self.domain_key.modulus().unwrap_or_default().into_bytes(),
            PublicKeyForm::Pem => self.domain_key.public_pem().into_bytes(),
        };
        self.signer = Some((SigningKey::hmac(&secret), Algorithm::HS256));
        self.header("alg", "HS256")
    }

    /// Signed with another key that comes along in the header parameter `jwk`.
    pub fn embeds_its_key(self) -> Self {
        let jwk = KeyRing::foreign().jwk();
        self.signed_by_another_key()
            .without_header("x5t")
            .without_header("x5t#S256")
            .header("jwk", jwk)
    }

    /// Signed with another key, said to be found at this URL by the header parameter `jku`.
    pub fn jku(self, url: &str) -> Self {
        self.signed_by_another_key().header("jku", url)
    }

    /// Signed with another key, said to be certified at this URL by the header parameter `x5u`.
    pub fn x5u(self, url: &str) -> Self {
        self.signed_by_another_key().header("x5u", url)
    }

    /// Header parameters that must be understood (RFC 7515 section 4.1.11).
    pub fn crit(self, names: &[&str]) -> Self {
        self.header("crit", json!(names))
    }

    /// A claim of a name that is there already, put last.
    pub fn duplicate_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims_tail += &format!(",{}:{}", json!(name), value.into());
        self
    }

    /// A header parameter of a name that is there already, put last.
    pub fn duplicate_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header_tail += &format!(",{}:{}", json!(name), value.into());
        self
    }

    /// Padded to at least so many bytes.
    pub fn padded_to(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// A claim `nested` of so many arrays in each other.
    pub fn nested(mut self, depth: usize) -> Self {
        self.claims_tail += &format!(",\"nested\":{}{}", "[".repeat(depth), "]".repeat(depth));
        self
    }

    /// The token, compact.
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
