//! Tokens, each wrong in one way, and some that are right in an unusual way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use test_harness::idcs::{ClientToken, IdcsHandle, PublicKeyForm};
use test_harness::keys::{Algorithm, SigningKey};

/// What it is, the reason that the log gives for refusing it, and the token.
pub(super) type Wrong = (&'static str, &'static str, String);

/// A path of the identity provider's that only tokens speak of.
pub(super) const ATTACKERS_PATH: &str = "/attackers-keys";

/// `maxTokenBytes`, unless configured.
const LIMIT: usize = 16 * 1024;

pub(super) fn wrong(idcs: &IdcsHandle) -> Vec<Wrong> {
    let crafted = headers(idcs).into_iter().chain(claims(idcs));
    let crafted = crafted.map(|(case, code, token)| (case, code, token.mint()));
    let mut wrong = shapes(idcs);
    wrong.extend(crafted);
    wrong.extend(public_key_as_secret(idcs));
    wrong
}

/// Texts that fall apart, and signatures that are not over what they stand behind.
fn shapes(idcs: &IdcsHandle) -> Vec<Wrong> {
    let token = || idcs.client_token();
    let good = token().mint();
    let [header, claims, signature]: [&str; 3] = parts(&good).try_into().unwrap();
    let other = token().scope("echo orders.write").mint();
    let others_claims = parts(&other)[1];
    let half = &signature[..signature.len() / 8 * 4];
    vec![
        ("a word", "not_compact", "abc".to_owned()),
        ("two parts", "not_compact", format!("{header}.{claims}")),
        ("five parts, as of a JWE", "not_compact", "a.b.c.d.e".to_owned()),
        ("nothing between the dots", "not_compact", "..".to_owned()),
        ("one dot more", "not_compact", format!("{good}.")),
        ("no signature", "not_compact", format!("{header}.{claims}.")),
        ("alg none, no signature", "not_compact", token().unsigned().mint()),
        ("padding", "not_base64url", format!("{good}=")),
        (
            "not url-safe",
            "not_base64url",
            format!("a+/.{claims}.{signature}"),
        ),
        ("not base64", "malformed_authorization", format!("{good}!")),
        (
            "a header that is no JSON",
            "malformed_header",
            format!("AAAA.{claims}.{signature}"),
        ),
        (
            "a header that is a list",
            "malformed_header",
            format!("W10.{claims}.{signature}"),
        ),
        (
            "claims that are no JSON",
            "malformed_claims",
            format!("{header}.AAAA.{signature}"),
        ),
        (
            "claims that are a list",
            "malformed_claims",
            format!("{header}.W10.{signature}"),
        ),
        (
            "half a signature",
            "bad_signature",
            format!("{header}.{claims}.{half}"),
        ),
        (
            "another token's claims",
            "bad_signature",
            format!("{header}.{others_claims}.{signature}"),
        ),
        ("one byte too long", "too_long", of_length(idcs, LIMIT + 1)),
        ("far too long", "too_long", token().padded_to(200_000).mint()),
    ]
}

/// What is wrong stands in the header, or is the signature under it.
fn headers(idcs: &IdcsHandle) -> Vec<(&'static str, &'static str, ClientToken)> {
    let token = || idcs.client_token();
    let alg = |alg: &str| token().header("alg", alg);
    let url = idcs.url() + ATTACKERS_PATH;
    let own_key = idcs.signing_key().jwk();
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    vec![
        (
            "another key's signature",
            "bad_signature",
            token().signed_by_another_key(),
        ),
        ("alg none", "unknown_algorithm", alg("none")),
        ("alg None", "unknown_algorithm", alg("None")),
        ("alg nOnE", "unknown_algorithm", alg("nOnE")),
        ("alg empty", "unknown_algorithm", alg("")),
        ("alg in lower case", "unknown_algorithm", alg("rs256")),
        ("no alg", "malformed_header", token().without_header("alg")),
        (
            "alg a list",
            "malformed_header",
            token().header("alg", json!(["RS256"])),
        ),
        ("alg of another kind of key", "unknown_key", alg("ES256")),
        (
            "PS256 by a key for RS256",
            "unknown_key",
            token().algorithm(Algorithm::PS256),
        ),
        (
            "RS512 by a key for RS256",
            "unknown_key",
            token().algorithm(Algorithm::RS512),
        ),
        (
            "a kid that nobody has",
            "unknown_key",
            token().header("kid", "other"),
        ),
        ("its own key in jwk", "embedded_key", token().embeds_its_key()),
        (
            "the right key in jwk",
            "embedded_key",
            token().header("jwk", own_key),
        ),
        ("jku", "embedded_key", token().jku(&url)),
        ("x5u", "embedded_key", token().x5u(&url)),
        (
            "crit, unknown",
            "unsupported_extension",
            token().crit(&["urn:example:x"]),
        ),
        (
            "crit, registered",
            "unsupported_extension",
            token().crit(&["exp"]),
        ),
        ("crit, empty", "unsupported_extension", token().crit(&[])),
        (
            "b64",
            "unsupported_extension",
            token().crit(&["b64"]).header("b64", false),
        ),
        (
            "alg twice",
            "duplicate_member",
            token().duplicate_header("alg", "none"),
        ),
        (
            "kid twice",
            "duplicate_member",
            token().duplicate_header("kid", "SIGNING_KEY"),
        ),
        ("a deep header", "nested_too_deeply", token().header("x", deep)),
        (
            "a logout token",
            "wrong_type",
            token().header("typ", "logout+jwt"),
        ),
        ("a nested token", "wrong_type", token().header("cty", "JWT")),
    ]
}

/// What is wrong stands in the claims; the signature is right.
fn claims(idcs: &IdcsHandle) -> Vec<(&'static str, &'static str, ClientToken)> {
    let token = || idcs.client_token();
    let claim = |name: &str, value: Value| token().claim(name, value);
    let now = idcs.clock().now();
    let stranger = "idcs-00000000000000000000000000000000";
    let lookalike = "https://identity.oraclecloud.com.example/";
    let below = "https://api.example.com/below";
    vec![
        (
            "sub twice",
            "duplicate_member",
            token().duplicate_claim("sub", "admin"),
        ),
        (
            "exp twice",
            "duplicate_member",
            token().duplicate_claim("exp", now + 7200),
        ),
        ("33 deep", "nested_too_deeply", token().nested(32)),
        ("5000 deep", "nested_too_deeply", token().nested(5000)),
        ("an ID token", "not_access_token", claim("tok_type", json!("IT"))),
        (
            "a refresh token",
            "not_access_token",
            claim("tok_type", json!("RT")),
        ),
        (
            "a list of types",
            "not_access_token",
            claim("tok_type", json!(["AT"])),
        ),
        ("expired", "expired", token().expired()),
        ("expired beyond the leeway", "expired", token().expires_in(-62)),
        ("no exp", "no_expiry", token().without("exp")),
        (
            "exp in milliseconds",
            "invalid_time",
            claim("exp", json!((now + 60) * 1000)),
        ),
        (
            "exp in quotes",
            "invalid_time",
            claim("exp", json!((now + 60).to_string())),
        ),
        ("exp before 1970", "invalid_time", claim("exp", json!(-1))),
        ("exp null", "invalid_time", claim("exp", json!(null))),
        ("not yet valid", "not_yet_valid", token().not_yet_valid()),
        (
            "issued in the future",
            "issued_in_future",
            claim("iat", json!(now + 3600)),
        ),
        (
            "another issuer",
            "wrong_issuer",
            token().issuer("https://issuer.example/"),
        ),
        (
            "an issuer that begins right",
            "wrong_issuer",
            token().issuer(lookalike),
        ),
        ("no issuer", "wrong_issuer", token().without("iss")),
        (
            "a list of issuers",
            "wrong_issuer",
            claim("iss", json!([idcs.issuer()])),
        ),
        ("another tenant", "wrong_tenant", token().tenant(stranger)),
        (
            "no tenant",
            "wrong_tenant",
            token().without("tenant").without("tenant_iss"),
        ),
        (
            "another audience",
            "wrong_audience",
            token().audience("https://other.example/"),
        ),
        (
            "an audience that begins right",
            "wrong_audience",
            token().audience(below),
        ),
        ("no audience", "wrong_audience", token().without("aud")),
        (
            "an empty list of audiences",
            "wrong_audience",
            token().audiences(&[]),
        ),
        ("a number as audience", "malformed_claims", claim("aud", json!(7))),
        (
            "another scope",
            "insufficient_scope",
            token().scope("orders.read"),
        ),
        (
            "a scope that begins right",
            "insufficient_scope",
            token().scope("echo2"),
        ),
        ("a scope in capitals", "insufficient_scope", token().scope("ECHO")),
        ("no scope", "insufficient_scope", token().without("scope")),
        // Only the holder of a genuine token is told that it lacks a scope.
        (
            "another scope, forged",
            "bad_signature",
            token().scope("x").signed_by_another_key(),
        ),
    ]
}

/// Algorithm confusion: the RSA public key, which everybody knows, as the secret of an HMAC, in every form in which
/// a careless verifier may hold it.
fn public_key_as_secret(idcs: &IdcsHandle) -> Vec<Wrong> {
    let forms = [PublicKeyForm::Der, PublicKeyForm::Modulus, PublicKeyForm::Pem];
    let minted = forms.map(|form| idcs.client_token().hs256_with_public_key(form).mint());
    let key = idcs.signing_key();
    let (pem, jwk) = (key.public_pem(), key.idcs_jwk());
    let certificate = jwk["x5c"][0].as_str().unwrap_or_default();
    let secrets = [
        pem.trim_end().into(),
        pem.replace('\n', "\r\n").into_bytes(),
        jwk.to_string().into_bytes(),
        idcs.jwks().to_string().into_bytes(),
        STANDARD.decode(certificate).unwrap(),
        certificate.into(),
        Vec::new(),
    ];
    let signed = secrets.iter().flat_map(|secret| {
        let secret = SigningKey::hmac(secret);
        let algorithms = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        algorithms.map(|algorithm| idcs.client_token().signed_by(&secret, algorithm).mint())
    });
    let tokens = minted.into_iter().chain(signed);
    tokens
        .map(|token| ("a public key as secret", "algorithm_not_allowed", token))
        .collect()
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
        ("32 deep", token().nested(31)),
    ];
    let mut good: Vec<_> = crafted
        .into_iter()
        .map(|(case, token)| (case, token.mint()))
        .collect();
    good.push(("as long as allowed", of_length(idcs, LIMIT)));
    good
}

fn parts(token: &str) -> Vec<&str> {
    token.split('.').collect()
}

/// A good token of exactly this length. Base64 without padding has no length of 4n + 1, so both the header and the
/// claims give way.
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
