//! Tokens that are wrong in one way each, and some that are valid in an unusual form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::idcs::{ClientToken, IdcsHandle, PublicKeyForm};
use harness::keys::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// A token that must be rejected.
pub(super) struct Wrong {
    /// What is wrong with it.
    pub(super) case: &'static str,
    /// The reason in the log.
    pub(super) reason: &'static str,
    pub(super) token: String,
}

/// A path of the identity provider that only tokens refer to.
pub(super) const ATTACKERS_PATH: &str = "/attackers-keys";

/// The default of `maxTokenBytes`.
const LIMIT: usize = 16 * 1024;

pub(super) fn wrong(idcs: &IdcsHandle) -> Vec<Wrong> {
    let rows = Rows::default();
    let rows = with_broken_shape(rows, idcs);
    let rows = with_wrong_signature(rows, idcs);
    let rows = with_wrong_header(rows, idcs);
    let rows = with_wrong_claims(rows, idcs);
    with_public_key_as_secret(rows, idcs).rows
}

/// A builder for a table: cases, grouped by reason.
#[derive(Default)]
struct Rows {
    reason: &'static str,
    rows: Vec<Wrong>,
}

impl Rows {
    /// Sets the reason of the following cases.
    fn reason(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    fn text(mut self, case: &'static str, token: impl Into<String>) -> Self {
        let (reason, token) = (self.reason, token.into());
        self.rows.push(Wrong { case, reason, token });
        self
    }

    fn case(self, case: &'static str, token: ClientToken) -> Self {
        self.text(case, token.mint())
    }
}

/// Texts that are not well-formed tokens.
fn with_broken_shape(rows: Rows, idcs: &IdcsHandle) -> Rows {
    let token = || idcs.client_token();
    let good = token().mint();
    let [header, claims, signature] = parts(&good);
    rows.reason("not_compact")
        .text("a word", "abc")
        .text("two parts", format!("{header}.{claims}"))
        .text("five parts, as of a JWE", "a.b.c.d.e")
        .text("nothing between the dots", "..")
        .text("one dot more", format!("{good}."))
        .text("no signature", format!("{header}.{claims}."))
        .case("no signature, alg none", token().unsigned())
        .reason("not_base64url")
        .text("padding", format!("{good}="))
        .text("not url-safe", format!("a+/.{claims}.{signature}"))
        .reason("malformed_authorization")
        .text("not base64 at all", format!("{good}!"))
        .reason("malformed_header")
        .text("a header without JSON", format!("AAAA.{claims}.{signature}"))
        .text("a list as header", format!("W10.{claims}.{signature}"))
        .reason("malformed_claims")
        .text("claims without JSON", format!("{header}.AAAA.{signature}"))
        .text("a list as claims", format!("{header}.W10.{signature}"))
        .reason("too_long")
        .text("one byte too long", of_length(idcs, LIMIT + 1))
        .case("far too long", token().padded_to(200_000))
}

fn with_wrong_signature(rows: Rows, idcs: &IdcsHandle) -> Rows {
    let token = || idcs.client_token();
    let (good, other) = (token().mint(), token().scope("echo orders.write").mint());
    let [header, claims, signature] = parts(&good);
    let [_, others_claims, _] = parts(&other);
    let half = &signature[..signature.len() / 8 * 4];
    rows.reason("bad_signature")
        .case("another key's", token().signed_by_another_key())
        .text("half of it", format!("{header}.{claims}.{half}"))
        .text("another token's", format!("{header}.{others_claims}.{signature}"))
        // Only the holder of a genuine token learns that it lacks a scope.
        .case("another scope", token().scope("x").signed_by_another_key())
        .reason("unknown_key")
        .case("PS256 by a key for RS256", token().algorithm(Algorithm::PS256))
        .case("RS512 by a key for RS256", token().algorithm(Algorithm::RS512))
        .case("another kind of key", token().header("alg", "ES256"))
        .case("a kid that nobody has", token().header("kid", "other"))
}

fn with_wrong_header(rows: Rows, idcs: &IdcsHandle) -> Rows {
    let token = || idcs.client_token();
    let alg = |alg: &str| token().header("alg", alg);
    let url = idcs.url() + ATTACKERS_PATH;
    let right_key = idcs.signing_key().jwk();
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    rows.reason("unknown_algorithm")
        .case("none", alg("none"))
        .case("None", alg("None"))
        .case("nOnE", alg("nOnE"))
        .case("nothing as alg", alg(""))
        .case("lower case", alg("rs256"))
        .reason("malformed_header")
        .case("no alg", token().without_header("alg"))
        .case("a list as alg", token().header("alg", json!(["RS256"])))
        .reason("embedded_key")
        .case("another key in jwk", token().embeds_its_key())
        .case("the right key in jwk", token().header("jwk", right_key))
        .case("jku", token().jku(&url))
        .case("x5u", token().x5u(&url))
        .reason("unsupported_extension")
        .case("crit with an unknown name", token().crit(&["urn:x:y"]))
        .case("crit with a registered name", token().crit(&["exp"]))
        .case("empty crit", token().crit(&[]))
        .case("b64", token().crit(&["b64"]).header("b64", false))
        .reason("duplicate_member")
        .case("alg twice", token().duplicate_header("alg", "none"))
        .case("kid twice", token().duplicate_header("kid", "SIGNING_KEY"))
        .reason("nested_too_deeply")
        .case("a deep header", token().header("x", deep))
        .reason("wrong_type")
        .case("a logout token", token().header("typ", "logout+jwt"))
        .case("a nested token", token().header("cty", "JWT"))
}

fn with_wrong_claims(rows: Rows, idcs: &IdcsHandle) -> Rows {
    let token = || idcs.client_token();
    let claim = |name: &str, value: Value| token().claim(name, value);
    let now = idcs.clock().now();
    let longer = "https://identity.oraclecloud.com.example/";
    let below = "https://api.example.com/below";
    rows.reason("duplicate_member")
        .case("sub twice", token().duplicate_claim("sub", "admin"))
        .case("exp twice", token().duplicate_claim("exp", now + 7200))
        .reason("nested_too_deeply")
        .case("33 deep", token().nested(32))
        .case("5000 deep", token().nested(5000))
        .reason("not_access_token")
        .case("an ID token", claim("tok_type", json!("IT")))
        .case("a refresh token", claim("tok_type", json!("RT")))
        .case("a list of types", claim("tok_type", json!(["AT"])))
        .case("Keycloak's ID token", claim("typ", json!("ID")))
        .case("Keycloak's refresh token", claim("typ", json!("Refresh")))
        .case("Cognito's ID token", claim("token_use", json!("id")))
        .case(
            "Hydra's refresh token",
            claim("token_use", json!("refresh_token")),
        )
        .case("an unknown kind", claim("token_type", json!("N_A")))
        .case(
            "an ID token by its shape",
            claim("nonce", json!("n"))
                .claim("at_hash", "h")
                .without("tok_type"),
        )
        .case(
            "a logout token by its shape",
            claim(
                "events",
                json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
            )
            .without("tok_type"),
        )
        .reason("expired")
        .case("expired an hour ago", token().expired())
        .case("expired beyond the leeway", token().expires_in(-62))
        .reason("no_expiry")
        .case("no exp", token().without("exp"))
        .reason("invalid_time")
        .case("exp in milliseconds", claim("exp", json!((now + 60) * 1000)))
        .case("exp in quotes", claim("exp", json!("9999999999")))
        .case("exp before 1970", claim("exp", json!(-1)))
        .case("null as exp", claim("exp", json!(null)))
        .reason("not_yet_valid")
        .case("valid in an hour", token().not_yet_valid())
        .reason("issued_in_future")
        .case("issued in an hour", claim("iat", json!(now + 3600)))
        .reason("wrong_issuer")
        .case("another issuer", token().issuer("https://issuer.example/"))
        .case("an issuer that begins right", token().issuer(longer))
        .case("no issuer", token().without("iss"))
        .case("a list of issuers", claim("iss", json!([idcs.issuer()])))
        .reason("wrong_tenant")
        .case("another tenant", token().tenant("idcs-0123456789abcdef"))
        .case("no tenant", token().without("tenant").without("tenant_iss"))
        .reason("wrong_audience")
        .case("another audience", token().audience("https://x.example/"))
        .case("an audience that begins right", token().audience(below))
        .case("no audience", token().without("aud"))
        .case("an empty list of audiences", token().audiences(&[]))
        .reason("malformed_claims")
        .case("a number as audience", claim("aud", json!(7)))
        .reason("insufficient_scope")
        .case("another scope", token().scope("orders.read"))
        .case("a scope that begins right", token().scope("echo2"))
        .case("a scope in capitals", token().scope("ECHO"))
        .case("no scope", token().without("scope"))
}

/// Algorithm confusion: the RSA public key, which everybody knows, is used as an HMAC secret. The cases cover all forms
/// in which a careless verifier may store that key.
fn with_public_key_as_secret(rows: Rows, idcs: &IdcsHandle) -> Rows {
    let token = || idcs.client_token();
    let key = idcs.signing_key();
    let (pem, jwk) = (key.public_pem(), key.idcs_jwk());
    let certificate = jwk["x5c"][0].as_str().unwrap();
    let secrets: [Vec<u8>; 7] = [
        pem.trim_end().into(),
        pem.replace('\n', "\r\n").into(),
        jwk.to_string().into(),
        idcs.jwks().to_string().into(),
        STANDARD.decode(certificate).unwrap(),
        certificate.into(),
        Vec::new(),
    ];
    let rows = rows
        .reason("algorithm_not_allowed")
        .case("DER", token().hs256_with_public_key(PublicKeyForm::Der))
        .case("n", token().hs256_with_public_key(PublicKeyForm::Modulus))
        .case("PEM", token().hs256_with_public_key(PublicKeyForm::Pem));
    secrets.iter().fold(rows, |rows, secret| {
        let secret = SigningKey::hmac(secret);
        rows.case("HS256", token().signed_by(&secret, Algorithm::HS256))
            .case("HS384", token().signed_by(&secret, Algorithm::HS384))
            .case("HS512", token().signed_by(&secret, Algorithm::HS512))
    })
}

pub(super) fn good(idcs: &IdcsHandle) -> Vec<(&'static str, String)> {
    let token = || idcs.client_token();
    let now = idcs.clock().now();
    let bare_issuer = "https://identity.oraclecloud.com";
    let audiences = ["https://other.example", "https://api.example.com/"];
    let crafted = [
        ("as IDCS issues it", token()),
        ("an issuer without its slash", token().issuer(bare_issuer)),
        ("one audience among several", token().audiences(&audiences)),
        ("one scope among several", token().scope("orders.read echo")),
        ("expired within the leeway", token().expires_in(-30)),
        ("valid soon, within the leeway", token().claim("nbf", now + 30)),
        ("the tenant by its URL alone", token().without("tenant")),
        ("no thumbprint", token().without_header("x5t#S256")),
        ("no kid", token().without_header("kid")),
        ("the type of RFC 9068", token().header("typ", "at+jwt")),
        ("no tok_type", token().without("tok_type")),
        (
            "Keycloak's access token",
            token()
                .claim("typ", "Bearer")
                .claim("nonce", "n")
                .without("tok_type"),
        ),
        (
            "Cognito's access token",
            token().claim("token_use", "access").without("tok_type"),
        ),
        ("a nonce alone", token().claim("nonce", "n").without("tok_type")),
        ("32 deep", token().nested(31)),
    ];
    let mut good: Vec<_> = crafted
        .into_iter()
        .map(|(case, token)| (case, token.mint()))
        .collect();
    good.push(("as long as allowed", of_length(idcs, LIMIT)));
    good
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}

/// Returns a valid token of exactly this length. Base64 without padding never has a length of 4n + 1, so both the
/// header and the claims vary.
fn of_length(idcs: &IdcsHandle, length: usize) -> String {
    let filled = |header: usize, claims: usize| {
        let token = idcs.client_token().header("filler", "x".repeat(header));
        token.claim("filler", "x".repeat(claims)).mint()
    };
    let missing = length - filled(0, 0).len();
    let about = missing * 3 / 4;
    (0..4)
        .flat_map(|header| (about - 8..about + 8).map(move |claims| (header, claims)))
        .map(|(header, claims)| filled(header, claims))
        .find(|token| token.len() == length)
        .unwrap()
}
