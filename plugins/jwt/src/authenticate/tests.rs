//! End-to-end tests of the middleware, with fakes for the host and the source of keys.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{ClaimHeaders, ClaimRequirement, Expression, Policy};
use jose::{Acceptance, Algorithm};
use middleware::{Reason, Reply};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use shared_state::{Cause, Failure};
use test_doubles::{Request, TestHost};

use super::*;
use crate::{Access, AccessRule, OnDeny, PathPattern, TokenField, TokenHeader};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

type Keys = Result<Rc<KeySet>, Failure>;

/// A fake identity provider: the keys that it publishes, and how often it was asked.
struct Provider {
    current: RefCell<Keys>,
    after_refetch: RefCell<Keys>,
    asked: Cell<usize>,
    refetched: Cell<usize>,
}

impl Provider {
    fn publishing(keys: &Keys) -> Rc<Self> {
        Rc::new(Self {
            current: RefCell::new(keys.clone()),
            after_refetch: RefCell::new(keys.clone()),
            asked: Cell::new(0),
            refetched: Cell::new(0),
        })
    }

    fn rotates_to(self: Rc<Self>, keys: Keys) -> Rc<Self> {
        *self.after_refetch.borrow_mut() = keys;
        self
    }
}

impl KeySource for Rc<Provider> {
    fn keys(&mut self, _: UnixTime) -> Keys {
        self.asked.set(self.asked.get() + 1);
        self.current.borrow().clone()
    }

    /// Lets every request ask.
    fn fresh(&self, _: UnixTime) -> Option<&Rc<KeySet>> {
        None
    }

    fn refetch(&mut self, seen: &Rc<KeySet>) -> Rc<KeySet> {
        assert_eq!(Ok(seen), self.current.borrow().as_ref());
        self.refetched.set(self.refetched.get() + 1);
        let newer = self.after_refetch.borrow().clone();
        if newer.is_ok() {
            *self.current.borrow_mut() = newer.clone();
        }
        newer.unwrap_or_else(|_| Rc::clone(seen))
    }
}

const AWAY: Keys = unavailable(Cause::Unreachable);

const fn unavailable(cause: Cause) -> Keys {
    Err(Failure::new(cause, Duration::from_secs(9)))
}

/// A signing key of the issuer.
struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let random = ring::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    /// The public key, under the one key ID that IDCS gives to all its keys.
    fn published(&self) -> Keys {
        self.published_as("SIGNING_KEY")
    }

    fn published_as(&self, key_id: &str) -> Keys {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        let document = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id}]});
        Ok(Rc::new(
            KeySet::from_jwks(document.to_string().as_bytes()).unwrap(),
        ))
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": "SIGNING_KEY"});
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

fn good_claims() -> Value {
    json!({"iss": "https://identity.oraclecloud.com/", "aud": "urn:api", "scope": "read write", "tok_type": "AT",
           "tenant": "idcs-a", "exp": NOW.as_secs() + 600, "iat": NOW.as_secs()})
}

/// Valid claims with changes applied. `null` removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = good_claims();
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

fn rules() -> Rules {
    Rules {
        accept: Acceptance {
            max_bytes: 4096,
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
        },
        policy: Policy {
            issuers: vec!["https://identity.oraclecloud.com".to_owned()],
            audiences: vec!["urn:api".to_owned()],
            verify_claims: vec![],
            required_scopes: vec!["read".to_owned()],
            leeway: Duration::from_secs(60),
            require_exp: true,
            tenant: Some("idcs-a".to_owned()),
            claims: None,
        },
        access: None,
        token_header: TokenHeader::default(),
        token_field: None,
        forward_authorization: false,
        claim_headers: ClaimHeaders::default(),
    }
}

/// The middleware in front of a provider, with its log.
struct Gateway {
    jwt: Jwt<Rc<Provider>>,
    provider: Rc<Provider>,
    log: Rc<TestHost>,
}

impl Gateway {
    fn on(provider: Rc<Provider>) -> Self {
        Self::with(rules(), provider)
    }

    fn with(rules: Rules, provider: Rc<Provider>) -> Self {
        let log = Rc::new(TestHost::at(NOW));
        let keys = Issuers::any(Rc::clone(&provider));
        Self {
            jwt: Jwt::new(rules, keys, Rc::clone(&log) as Rc<dyn Host>),
            provider,
            log,
        }
    }

    fn decide(&mut self, token: &str, now: UnixTime) -> Decision {
        self.log.set(now);
        self.jwt.decide(&bearing(token), now)
    }

    /// Sends a token that must be refused, and returns the answer.
    fn refuse(&mut self, token: &str) -> Reply {
        match self.decide(token, NOW) {
            Decision::Reply(reply) => reply,
            Decision::Forward(_) => panic!("let through: {token}"),
        }
    }

    fn logged(&self) -> String {
        self.log.logged().join("\n")
    }
}

fn bearing(token: &str) -> Request {
    with_authorization("/", [format!("Bearer {token}")])
}

/// A request with these values of `Authorization`, and with headers that a client could forge to imitate claim headers.
fn with_authorization<V: AsRef<[u8]>>(uri: &str, values: impl IntoIterator<Item = V>) -> Request {
    Request::get(uri)
        .with_headers(values.into_iter().map(|value| ("Authorization", value)))
        .with_header_names(["X-User", "x_user"])
}

fn forwarded_without_authorization() -> Decision {
    Decision::Forward(Edits::none().remove_header("Authorization"))
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let mut found = reply.headers.iter().filter(|(header, _)| *header == name);
    found.next().map(|(_, value)| value.as_str())
}

#[test]
fn a_good_token_passes_and_is_not_handed_on() {
    let issuer = Signer::new();
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    assert_eq!(
        gateway.decide(&issuer.token(&good_claims()), NOW),
        forwarded_without_authorization()
    );
    assert_eq!(gateway.logged(), "");
}

#[test]
fn the_token_is_handed_on_where_the_rules_say_so() {
    let issuer = Signer::new();
    let rules = Rules {
        forward_authorization: true,
        ..rules()
    };
    let mut gateway = Gateway::with(rules, Provider::publishing(&issuer.published()));
    let decision = gateway.decide(&issuer.token(&good_claims()), NOW);
    assert_eq!(decision, Decision::Forward(Edits::none()));
}

#[test]
fn requests_without_one_bearer_token_are_told_what_is_missing() {
    let issuer = Signer::new();
    let token = issuer.token(&good_claims());
    let bearer = format!("Bearer {token}");
    let plain = r#"Bearer realm="oic-gateway""#;
    let invalid = r#"Bearer realm="oic-gateway", error="invalid_request""#;
    for (values, status, challenge, reason) in [
        (vec![], 401, plain, "missing_token"),
        (vec!["Basic YTpi".to_owned()], 401, plain, "missing_token"),
        (
            vec![bearer.clone(), bearer.clone()],
            400,
            invalid,
            "malformed_authorization",
        ),
        (
            vec![format!("{bearer}, {bearer}")],
            400,
            invalid,
            "malformed_authorization",
        ),
    ] {
        let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
        let Decision::Reply(reply) = gateway.jwt.decide(&with_authorization("/", values), NOW) else {
            panic!("let through");
        };
        assert_eq!(
            (reply.status, header(&reply, "WWW-Authenticate")),
            (status, Some(challenge))
        );
        assert_eq!(gateway.logged(), format!("code=jwt.refused reason={reason}"));
        assert_eq!(gateway.provider.asked.get(), 0);
    }
}

/// Tokens that are rejected regardless of the keys, with the expected reason.
fn hopeless(issuer: &Signer) -> Vec<(String, &'static str)> {
    let second = NOW.as_secs();
    let mut tokens: Vec<(String, &str)> = [
        (json!({"exp": second - 60}), "expired"),
        (json!({"exp": null}), "no_expiry"),
        (json!({"exp": "soon"}), "invalid_time"),
        (json!({"nbf": second + 61}), "not_yet_valid"),
        (json!({"iat": second + 61}), "issued_in_future"),
        (json!({"iss": "https://evil.example"}), "wrong_issuer"),
        (json!({"aud": "urn:other"}), "wrong_audience"),
        (json!({"aud": {}}), "malformed_claims"),
        (json!({"tenant": "idcs-b"}), "wrong_tenant"),
        (json!({"tok_type": "IT"}), "not_access_token"),
        (json!({"typ": "ID"}), "not_access_token"),
        (json!({"typ": "Refresh"}), "not_access_token"),
        (json!({"token_use": "id"}), "not_access_token"),
        (json!({"token_type": "refresh_token"}), "not_access_token"),
        (
            json!({"tok_type": null, "nonce": "n", "at_hash": "h"}),
            "not_access_token",
        ),
    ]
    .into_iter()
    .map(|(changes, reason)| (issuer.token(&claims(&changes)), reason))
    .collect();
    let good = issuer.token(&good_claims());
    let (_, rest) = good.split_once('.').unwrap();
    let with_header = |header: Value| format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
    tokens.extend([
        ("x".to_owned(), "not_compact"),
        ("a.b.c".to_owned(), "not_base64url"),
        (format!("{good}{}", "A".repeat(4096)), "too_long"),
        (with_header(json!({"alg": "none"})), "unknown_algorithm"),
        (with_header(json!({"alg": "HS256"})), "algorithm_not_allowed"),
        (
            with_header(json!({"alg": "EdDSA", "crit": ["x"]})),
            "unsupported_extension",
        ),
        (
            with_header(json!({"alg": "EdDSA", "jku": "https://evil.example"})),
            "embedded_key",
        ),
        (
            with_header(json!({"alg": "EdDSA", "typ": "logout+jwt"})),
            "wrong_type",
        ),
        (with_header(json!({"alg": 1})), "malformed_header"),
        (
            with_header(json!({"alg": "EdDSA", "x": [[[[[[[[[]]]]]]]]]})),
            "nested_too_deeply",
        ),
        (
            format!(
                "{}.{rest}",
                URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","alg":"EdDSA"}"#)
            ),
            "duplicate_member",
        ),
    ]);
    tokens
}

#[test]
fn hopeless_tokens_are_401_without_asking_for_keys_even_while_the_provider_is_away() {
    let issuer = Signer::new();
    for keys in [issuer.published(), AWAY] {
        for (token, reason) in hopeless(&issuer) {
            let mut gateway = Gateway::on(Provider::publishing(&keys));
            let reply = gateway.refuse(&token);
            assert_eq!(reply.status, 401, "{reason}");
            assert_eq!(
                header(&reply, "WWW-Authenticate"),
                Some(r#"Bearer realm="oic-gateway", error="invalid_token""#)
            );
            let log = gateway.logged();
            assert!(log.contains(&format!("reason={reason}")), "{reason}: {log}");
            assert!(!log.contains(&token), "{log}");
            assert_eq!(gateway.provider.asked.get(), 0, "{reason}");
        }
    }
}

#[test]
fn a_missing_scope_is_told_only_to_someone_with_a_genuine_token() {
    let (issuer, forger) = (Signer::new(), Signer::new());
    let poor = claims(&json!({"scope": "write"}));
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    let reply = gateway.refuse(&issuer.token(&poor));
    assert_eq!(reply.status, 403);
    assert_eq!(
        header(&reply, "WWW-Authenticate"),
        Some(r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="read""#)
    );
    let reply = gateway.refuse(&forger.token(&poor));
    assert_eq!(reply.status, 401);
    assert!(!header(&reply, "WWW-Authenticate").unwrap().contains("scope"));
}

#[test]
fn a_forged_token_is_401_after_one_look_for_newer_keys() {
    let (issuer, forger) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    assert_eq!(gateway.refuse(&forger.token(&good_claims())).status, 401);
    assert_eq!(gateway.provider.refetched.get(), 1);
    assert_eq!(
        gateway.logged(),
        "code=jwt.refused reason=bad_signature alg=EdDSA kid=SIGNING_KEY"
    );
}

#[test]
fn rotation_under_the_same_name_is_noticed() {
    let (old, new) = (Signer::new(), Signer::new());
    let provider = Provider::publishing(&old.published()).rotates_to(new.published());
    let mut gateway = Gateway::on(provider);
    let token = new.token(&good_claims());
    assert_eq!(gateway.decide(&token, NOW), forwarded_without_authorization());
    assert_eq!(gateway.provider.refetched.get(), 1);
    assert_eq!(gateway.decide(&token, NOW), forwarded_without_authorization());
    assert_eq!(gateway.provider.refetched.get(), 1);
}

#[test]
fn rotation_to_another_name_is_noticed() {
    let (old, new) = (Signer::new(), Signer::new());
    let provider = Provider::publishing(&old.published_as("old")).rotates_to(new.published());
    let mut gateway = Gateway::on(provider);
    assert_eq!(
        gateway.decide(&new.token(&good_claims()), NOW),
        forwarded_without_authorization()
    );
}

#[test]
fn a_token_of_an_unknown_key_is_401_when_there_are_no_newer_keys() {
    let (issuer, other) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&other.published_as("other")));
    assert_eq!(gateway.refuse(&issuer.token(&good_claims())).status, 401);
    assert_eq!(gateway.provider.refetched.get(), 1);
    assert!(
        gateway.logged().contains("reason=unknown_key"),
        "{}",
        gateway.logged()
    );
}

#[test]
fn newer_keys_that_do_not_help_either_end_in_401() {
    let (old, new, forger) = (Signer::new(), Signer::new(), Signer::new());
    let provider = Provider::publishing(&old.published()).rotates_to(new.published());
    let mut gateway = Gateway::on(provider);
    assert_eq!(gateway.refuse(&forger.token(&good_claims())).status, 401);
    assert_eq!(gateway.provider.refetched.get(), 1);
}

#[test]
fn trouble_with_the_provider_is_not_the_callers() {
    let issuer = Signer::new();
    for (cause, reason, status) in [
        (Cause::Unreachable, Reason::IdentityProviderUnavailable, 503),
        (Cause::Overloaded, Reason::Overloaded, 503),
        (Cause::Refused, Reason::IdentityProviderRefused, 502),
    ] {
        let keys = unavailable(cause);
        let mut gateway = Gateway::on(Provider::publishing(&keys));
        let reply = gateway.refuse(&issuer.token(&good_claims()));
        assert_eq!((reply.status, header(&reply, "Retry-After")), (status, Some("9")));
        assert_eq!(header(&reply, "WWW-Authenticate"), None);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["reason"], reason.code());
    }
}

#[test]
fn the_keys_at_hand_judge_a_token_while_newer_ones_cannot_be_had() {
    let (old, new) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&old.published()).rotates_to(AWAY));
    assert_eq!(gateway.refuse(&new.token(&good_claims())).status, 401);
    assert_eq!(gateway.provider.refetched.get(), 1);
    assert_eq!(
        gateway.decide(&old.token(&good_claims()), NOW),
        forwarded_without_authorization()
    );
}

#[test]
fn a_verified_token_is_remembered_until_it_expires() {
    let issuer = Signer::new();
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    let token = issuer.token(&good_claims());
    let last = UnixTime::from_secs(NOW.as_secs() + 659);
    for now in [NOW, last] {
        assert_eq!(gateway.decide(&token, now), forwarded_without_authorization());
    }
    let Decision::Reply(reply) = gateway.decide(&token, last.plus(Duration::from_secs(1))) else {
        panic!("let through after its end");
    };
    assert_eq!(reply.status, 401);
    assert!(
        gateway.logged().contains("reason=expired"),
        "{}",
        gateway.logged()
    );
}

#[test]
fn a_remembered_token_falls_with_its_key() {
    let (old, new) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&old.published()));
    let token = old.token(&good_claims());
    assert_eq!(gateway.decide(&token, NOW), forwarded_without_authorization());
    let withdrawn = new.published();
    *gateway.provider.current.borrow_mut() = withdrawn.clone();
    *gateway.provider.after_refetch.borrow_mut() = withdrawn;
    assert_eq!(gateway.refuse(&token).status, 401);
}

#[test]
fn a_remembered_token_does_not_outlive_the_keys_by_an_outage() {
    let issuer = Signer::new();
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    let token = issuer.token(&good_claims());
    assert_eq!(gateway.decide(&token, NOW), forwarded_without_authorization());
    *gateway.provider.current.borrow_mut() = AWAY;
    assert_eq!(gateway.refuse(&token).status, 503);
}

#[test]
fn refusals_are_not_remembered() {
    let (issuer, other) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&other.published()));
    let token = issuer.token(&good_claims());
    assert_eq!(gateway.refuse(&token).status, 401);
    *gateway.provider.current.borrow_mut() = issuer.published();
    assert_eq!(gateway.decide(&token, NOW), forwarded_without_authorization());
}

#[test]
fn a_long_key_name_does_not_fill_the_log() {
    let (issuer, forger) = (Signer::new(), Signer::new());
    let mut gateway = Gateway::on(Provider::publishing(&issuer.published()));
    let header = json!({"alg": "EdDSA", "kid": "k".repeat(200)}).to_string();
    let token = forger.token(&good_claims());
    let (_, rest) = token.split_once('.').unwrap();
    gateway.refuse(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header)));
    assert!(
        gateway.logged().ends_with(&format!("kid={}", "k".repeat(64))),
        "{}",
        gateway.logged()
    );
}

#[test]
fn claims_that_do_not_satisfy_the_expression_are_told_only_to_someone_with_a_genuine_token() {
    let (issuer, forger) = (Signer::new(), Signer::new());
    let mut strict = rules();
    strict.policy.claims = Some(Expression::parse("Equals(`grp`, `admin`)").unwrap());
    let mut gateway = Gateway::with(strict, Provider::publishing(&issuer.published()));
    let (admin, user) = (claims(&json!({"grp": "admin"})), claims(&json!({"grp": "user"})));
    assert_eq!(
        gateway.decide(&issuer.token(&admin), NOW),
        forwarded_without_authorization()
    );
    let reply = gateway.refuse(&issuer.token(&user));
    assert_eq!(reply.status, 403);
    assert_eq!(
        header(&reply, "WWW-Authenticate"),
        Some(r#"Bearer realm="oic-gateway", error="insufficient_scope""#)
    );
    assert!(
        gateway.logged().contains("reason=claims_not_met"),
        "{}",
        gateway.logged()
    );
    for forged in [forger.token(&user), forger.token(&admin)] {
        assert_eq!(gateway.refuse(&forged).status, 401);
    }
}

#[test]
fn claims_become_headers_for_a_token_seen_before_as_well() {
    let issuer = Signer::new();
    let headers = [("X-User".to_owned(), "sub".to_owned())].into();
    let rules = Rules {
        claim_headers: ClaimHeaders::new(&headers, "", "").unwrap(),
        ..rules()
    };
    let mut gateway = Gateway::with(rules, Provider::publishing(&issuer.published()));
    let expected = |user: &str| {
        let edits = Edits::none()
            .remove_header("Authorization")
            .remove_header("x_user");
        Decision::Forward(edits.set_header("X-User", user.to_owned()))
    };
    let [jane, joe, nobody] =
        [json!("jane"), json!("joe"), json!(null)].map(|sub| issuer.token(&claims(&json!({ "sub": sub }))));
    for _ in 0..3 {
        for (token, user) in [(&jane, "jane"), (&joe, "joe"), (&nobody, "")] {
            assert_eq!(gateway.decide(token, NOW), expected(user));
        }
    }
    let evil = issuer.token(&claims(&json!({ "sub": "joe\r\nX-Admin: yes" })));
    assert_eq!(gateway.refuse(&evil).status, 401);
}

#[test]
fn a_token_may_stand_in_the_query_where_the_header_has_none() {
    let issuer = Signer::new();
    let keeping = |forward_authorization| Rules {
        token_field: Some(TokenField::new("token")),
        forward_authorization,
        ..rules()
    };
    let token = issuer.token(&good_claims());
    let target = &*format!("/echo?a=1&token={token}&b=2");
    let provider = Provider::publishing(&issuer.published());

    let mut gateway = Gateway::with(keeping(false), Rc::clone(&provider));
    let without = Edits::none()
        .remove_header("Authorization")
        .set_uri("/echo?a=1&b=2");
    for headers in [
        vec![],
        vec!["Basic YTpi".to_owned()],
        vec![format!("Bearer {token}")],
    ] {
        let decision = gateway.jwt.decide(&with_authorization(target, headers), NOW);
        assert_eq!(decision, Decision::Forward(without.clone()));
    }
    let mut gateway = Gateway::with(keeping(true), Rc::clone(&provider));
    let decision = gateway.jwt.decide(&Request::get(target), NOW);
    assert_eq!(decision, Decision::Forward(Edits::none()));

    for (headers, target, status) in [
        (vec!["Bearer a.b.c".to_owned()], target, 401), // the header takes precedence
        (vec!["Bearer".to_owned()], target, 400),
        (vec![], "/echo?a=1", 401),
        (vec![], "/echo?token=", 400),
        (vec![], "/echo?token=a%20b", 400),
        (vec![], "/echo?token=a&token=b", 400),
        (vec![], "/echo?token=a.b.c", 401),
    ] {
        let Decision::Reply(reply) = gateway.jwt.decide(&with_authorization(target, headers), NOW) else {
            panic!("let through: {target}");
        };
        assert_eq!(reply.status, status, "{target}");
    }
    let mut gateway = Gateway::on(provider);
    let Decision::Reply(reply) = gateway.jwt.decide(&Request::get(target), NOW) else {
        panic!("let through without tokenKey");
    };
    assert_eq!(reply.status, 401);
}

#[test]
fn each_issuer_is_judged_by_its_own_keys() {
    let (a, b, rest) = (Signer::new(), Signer::new(), Signer::new());
    let named =
        |name: &str, signer: &Signer| (Some(name.to_owned()), Provider::publishing(&signer.published()));
    let mut open = rules();
    open.policy.issuers.clear();
    let with = |sources| Jwt::new(open.clone(), Issuers::new(sources), Rc::new(TestHost::at(NOW)));
    let token = |signer: &Signer, issuer: Value| signer.token(&claims(&json!({ "iss": issuer })));
    let (is_a, is_b, is_other) = (json!("https://a"), json!("https://b/"), json!("https://c"));

    let mut closed = with(vec![named("https://a/", &a), named("https://b", &b)]);
    let mut with_rest = with(vec![
        (None, Provider::publishing(&rest.published())),
        named("https://a/", &a),
        named("https://b", &b),
    ]);
    for (signer, issuer, passes_closed, passes_with_rest) in [
        (&a, &is_a, true, true),
        (&b, &is_b, true, true),
        (&a, &is_b, false, false),
        (&b, &is_a, false, false),
        (&rest, &is_a, false, false),
        (&rest, &is_other, false, true),
        (&a, &is_other, false, false),
        (&rest, &json!(null), false, true),
        (&rest, &json!(["https://a"]), false, true),
    ] {
        let token = token(signer, issuer.clone());
        for _ in 0..2 {
            for (jwt, passes) in [(&mut closed, passes_closed), (&mut with_rest, passes_with_rest)] {
                let decision = jwt.decide(&bearing(&token), NOW);
                assert_eq!(matches!(decision, Decision::Forward(_)), passes, "{issuer}");
            }
        }
    }
}

/// Rules that require no scope, with this table.
fn with_table(table: Vec<AccessRule>) -> Rules {
    let mut rules = rules();
    rules.policy.required_scopes.clear();
    rules.access = Some(Access::new(table, OnDeny::NotFound));
    rules
}

fn opening(path: &str, scope: &str) -> AccessRule {
    AccessRule {
        methods: vec!["GET".to_owned()],
        path: PathPattern::parse(path).unwrap(),
        any_scope: vec![scope.to_owned()],
        all_scopes: vec![],
        claims: None,
        on_deny: OnDeny::Forbidden,
    }
}

#[test]
fn a_token_opens_the_paths_of_its_scopes_the_first_time_and_later() {
    let (issuer, forger) = (Signer::new(), Signer::new());
    let provider = Provider::publishing(&issuer.published());
    let table = vec![opening("/hr/**", "hr"), opening("/it/**", "it")];
    let mut gateway = Gateway::with(with_table(table), provider);
    let token = |signer: &Signer, scope: &str| signer.token(&claims(&json!({ "scope": scope })));
    let challenge = r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="it""#;
    let invalid = r#"Bearer realm="oic-gateway", error="invalid_token""#;
    for _ in 0..3 {
        for (token, path, status, expected, logged) in [
            (token(&issuer, "hr"), "/hr/x", 200, None, ""),
            (token(&issuer, "it"), "/it/x", 200, None, ""),
            (
                token(&issuer, "hr"),
                "/it/x",
                403,
                Some(challenge),
                "reason=rule_not_met rule=authorize[1] alg=EdDSA",
            ),
            (token(&issuer, "hr"), "/other", 404, None, "reason=no_rule"),
            (
                token(&issuer, "hr"),
                "/hr/../it",
                400,
                None,
                "reason=ambiguous_path",
            ),
            (
                token(&forger, "hr"),
                "/hr/x",
                401,
                Some(invalid),
                "reason=bad_signature",
            ),
            (
                token(&forger, "hr"),
                "/other",
                401,
                Some(invalid),
                "reason=bad_signature",
            ),
            (
                token(&forger, "hr"),
                "/hr/../it",
                401,
                Some(invalid),
                "reason=bad_signature",
            ),
        ] {
            gateway.logged();
            match gateway.jwt.decide(&Request::get(path).with_bearer(&token), NOW) {
                Decision::Forward(_) => assert_eq!(status, 200, "{path}"),
                Decision::Reply(reply) => {
                    let got = (reply.status, header(&reply, "WWW-Authenticate"));
                    assert_eq!(got, (status, expected), "{path}");
                }
            }
            let line = gateway.logged();
            let known = logged.split(" alg=").next().unwrap();
            assert!(line.contains(known), "{path}: {line}");
        }
    }
}

#[test]
fn another_header_may_hold_the_token_and_authorization_stays_then() {
    let issuer = Signer::new();
    let rules = Rules {
        token_header: TokenHeader {
            name: "X-Api-Token".into(),
            scheme: "JWT".to_owned(),
        },
        ..rules()
    };
    let mut gateway = Gateway::with(rules, Provider::publishing(&issuer.published()));
    let token = issuer.token(&good_claims());
    let request = |scheme: &str| Request::get("/").with_header("X-Api-Token", format!("{scheme} {token}"));
    let decision = gateway.jwt.decide(&request("jwt"), NOW);
    assert_eq!(
        decision,
        Decision::Forward(Edits::none().remove_header("X-Api-Token"))
    );
    let Decision::Reply(reply) = gateway.jwt.decide(&request("Bearer"), NOW) else {
        panic!("let through with another scheme");
    };
    assert_eq!(reply.status, 401);
}

#[test]
fn a_claim_that_is_not_what_it_must_be_makes_the_token_invalid() {
    let issuer = Signer::new();
    let mut strict = rules();
    strict.policy.verify_claims = vec![ClaimRequirement {
        name: "team".to_owned(),
        values: vec!["hr".to_owned()],
        is_required: true,
    }];
    let mut gateway = Gateway::with(strict, Provider::publishing(&issuer.published()));
    let token = |team: Value| issuer.token(&claims(&json!({ "team": team })));
    assert_eq!(
        gateway.decide(&token(json!("hr")), NOW),
        forwarded_without_authorization()
    );
    for team in [json!("it"), json!(null), json!(["hr"])] {
        assert_eq!(gateway.refuse(&token(team)).status, 401);
        assert!(gateway.logged().contains("reason=claim_not_verified"));
    }
}
