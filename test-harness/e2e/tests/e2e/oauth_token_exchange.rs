//! `oAuthTokenExchange`: exchanges a user's token from one provider for a token of the same user from another provider.

use std::path::Path;
use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::{Client, Response};
use harness::entra::{API, Entra, issuers};
use harness::faults::Fault;
use harness::gateway::INTEGRATION;
use harness::idcs::{Application, Idcs, Resource};
use harness::keys::SigningKey;
use harness::merge::merge;
use harness::oic::Oic;
use harness::redis::Redis;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests::Guest;
use serde_json::{Value, json};

use crate::support::Deadline;

const JANE: &str = "jane@example.com";
const JOE: &str = "joe@example.com";

/// A gateway with one router for each set of options, between mocks that know two users.
struct Bridge {
    traefik: Traefik,
    dynamic: Value,
    entra: Entra,
    idcs: Idcs,
    oic: Oic,
    client: Client,
    _state: tempfile::TempDir,
}

fn key(number: usize) -> SigningKey {
    SigningKey::rsa_cached(2048, 700_000 + number).with_kid(&format!("key-{number}"))
}

/// Returns the rule that both issuers of the tenant name the same users.
fn users_of_entra(claims: &str) -> Value {
    json!([{ "issuers": issuers(), "subjectClaim": claims }])
}

/// Returns options that sign assertions about users with this key.
fn jwt_bearer(key: &SigningKey) -> Value {
    json!({
        "method": "jwtBearer",
        "jwtBearer": {
            "users": users_of_entra("upn"),
            "assertion": { "key": key.private_pem(), "keyId": key.kid() },
        },
    })
}

impl Bridge {
    /// Starts the gateway. The options of each router are merged into the common options, and the domain knows these
    /// keys.
    fn start(keys: &[SigningKey], routers: &[(&str, Value)]) -> Self {
        Self::with_mount(keys, routers, None)
    }

    /// Like [`Self::start`], with an additional directory besides the state directory.
    fn with_mount(keys: &[SigningKey], routers: &[(&str, Value)], other: Option<&Path>) -> Self {
        let entra = Entra::start();
        let idcs = Idcs::builder().trusting(&entra).user(JANE).user(JOE).start();
        let application = keys.iter().fold(Application::gateway(), Application::key);
        idcs.register(application.clone());
        let oic = Oic::builder(&idcs)
            .service_invoker(JANE)
            .service_invoker(JOE)
            .plain_http()
            .start();
        let client_config = json!({ "tls": { "ca": CertificateAuthority::shared().ca_pem() } });
        let common = json!({
            "url": idcs.token_url(),
            "clientID": application.client_id,
            "clientSecret": application.client_secret,
            "scopes": [Resource::oic().full_scope("urn:opc:resource:consumer::all")],
            "clientConfig": client_config,
            "jwt": {
                "jwksUrl": entra.jwks_url(),
                "issuers": entra.issuers(),
                "audiences": [API, format!("api://{API}")],
                "refetchIntervalSeconds": 1,
                "clientConfig": client_config,
            },
        });
        let mut http = json!({
            "routers": {},
            "middlewares": { "rewrite": { "replacePathRegex": {
                "regex": "^/[a-z0-9]+(/.*)?$", "replacement": format!("{INTEGRATION}$1"),
            }}},
            "services": { "oic": { "loadBalancer": {
                "passHostHeader": false, "servers": [{ "url": oic.url() }],
            }}},
        });
        for (name, options) in routers {
            let mut merged = common.clone();
            merge(&mut merged, options);
            http["routers"][name] = json!({
                "rule": format!("PathPrefix(`/{name}`)"), "middlewares": ["rewrite", name], "service": "oic",
            });
            http["middlewares"][name] = json!({ "plugin": { "oAuthTokenExchange": merged } });
        }
        let state = tempfile::tempdir().unwrap();
        let dynamic = json!({ "http": http });
        let plugin = LocalPlugin::of(&Guest::OAUTH_TOKEN_EXCHANGE).mount(state.path());
        let traefik = Traefik::builder()
            .dynamic(dynamic.to_string())
            .plugin(other.into_iter().fold(plugin, LocalPlugin::mount))
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            traefik,
            dynamic,
            entra,
            idcs,
            oic,
            client: Client::plain(),
            _state: state,
        }
    }

    fn get(&self, router: &str, token: &str) -> Response {
        let url = format!("{}/{router}", self.traefik.url());
        self.client.get(&url).bearer(token).send().unwrap()
    }

    fn token(&self, user: &str) -> String {
        self.entra.token(user).mint()
    }
}

#[test]
fn machines_with_one_store_ask_once_for_each_user() {
    let Some(redis) = Redis::start() else { return };
    let (key, elsewhere) = (key(0), tempfile::tempdir().unwrap());
    let mut options = jwt_bearer(&key);
    options["store"] = json!({
        "secret": "0123456789abcdef0123456789abcdef",
        "redis": { "endpoints": [redis.endpoint()] },
    });
    // Two routers with separate state directories behave like two machines.
    let mut other = options.clone();
    other["stateDirectory"] = json!(elsewhere.path());
    let routers = [("one", options), ("other", other)];
    let bridge = Bridge::with_mount(std::slice::from_ref(&key), &routers, Some(elsewhere.path()));
    for (user, calls) in [(JANE, 1), (JOE, 2)] {
        for router in ["one", "other"] {
            assert_eq!(
                outcome(&bridge.get(router, &bridge.token(user))),
                (200, user.to_owned()),
                "{}",
                bridge.traefik.log()
            );
        }
        assert_eq!(bridge.idcs.token_calls(), calls, "{user}");
    }
    let everything = redis.everything();
    assert!(everything.contains("oic-gateway:{user-token-"), "{everything}");
    assert!(!everything.contains("@example.com"), "{everything}");
}

/// Returns the status, and either the reason of the refusal or the user that the backend saw.
fn outcome(answer: &Response) -> (u16, String) {
    let body = answer.json();
    let said = body["reason"].as_str().or(body["sub"].as_str());
    (answer.status, said.unwrap_or_default().to_owned())
}

#[test]
fn the_callers_own_token_is_exchanged_where_the_provider_speaks_rfc_8693() {
    let (known, unknown) = (key(0), key(1));
    let of_certificate = json!({
        "tokenEndpointAuthMethod": "client_secret_jwt",
        "method": "jwtBearer",
        "jwtBearer": { "users": users_of_entra("oid,upn"), "assertion": {
            "key": known.private_pem(), "certificate": known.certificate_pem(), "audience": "https://elsewhere/",
        }},
    });
    let mut wrong_secret = json!({ "method": "rfc8693", "clientSecret": "not the one" });
    merge(&mut wrong_secret, &json!({ "rfc8693": { "audience": "oic" } }));
    let bridge = Bridge::start(
        std::slice::from_ref(&known),
        &[
            ("exchange", json!({ "method": "rfc8693" })),
            ("vouching", jwt_bearer(&known)),
            ("wrongkey", jwt_bearer(&unknown)),
            ("wrongaudience", of_certificate),
            ("wrongsecret", wrong_secret),
        ],
    );
    let jane = bridge.token(JANE);
    for _ in 0..2 {
        assert_eq!(outcome(&bridge.get("exchange", &jane)), (200, JANE.to_owned()));
    }
    assert_eq!(bridge.idcs.token_calls(), 1, "one call for one token");
    let form = bridge.idcs.requests().remove(0).form;
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    let v1 = bridge.entra.token(JANE).v1().mint();
    assert_eq!(outcome(&bridge.get("exchange", &v1)), (200, JANE.to_owned()));
    assert_eq!(bridge.idcs.token_calls(), 2, "another token needs another call");
    assert_eq!(outcome(&bridge.get("vouching", &jane)), (200, JANE.to_owned()));

    let nobody = bridge.token("nobody@example.com");
    let expired = bridge.entra.token(JANE).expires_in(-30).mint();
    for (router, token, status, reason) in [
        ("exchange", &nobody, 401, "invalid_token"),
        // `jwt` accepts a token for another minute, but the provider does not.
        ("exchange", &expired, 401, "invalid_token"),
        ("vouching", &nobody, 401, "invalid_token"),
        // Her token is in the cache of the same client, but a router without the key that fetched it cannot read it.
        ("wrongkey", &jane, 401, "invalid_token"),
        ("wrongaudience", &jane, 401, "invalid_token"),
        ("wrongsecret", &jane, 502, "identity_provider_refused"),
    ] {
        let answer = bridge.get(router, token);
        assert_eq!(outcome(&answer), (status, reason.to_owned()), "{router}");
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            status == 401,
            "{router}"
        );
    }
    let log = bridge.traefik.log();
    for why in [
        "The user of the subject token is not known.",
        "The user of the assertion is not known.",
        "Assertion is signed by a key that is not registered.",
        "Assertion audience is invalid.",
        "the identity provider refused the gateway's own request",
    ] {
        assert!(log.contains(why), "{why}: {log}");
    }
}

#[test]
fn users_at_hand_are_served_through_an_outage_a_new_key_and_a_token_that_was_withdrawn() {
    let (old, new) = (key(0), key(1));
    let mut bridge = Bridge::start(std::slice::from_ref(&old), &[("echo", jwt_bearer(&old))]);
    let (jane, joe) = (bridge.token(JANE), bridge.token(JOE));
    assert_eq!(outcome(&bridge.get("echo", &jane)), (200, JANE.to_owned()));

    bridge.idcs.down(Fault::Refuse);
    assert_eq!(outcome(&bridge.get("echo", &jane)), (200, JANE.to_owned()));
    let answer = bridge.get("echo", &joe);
    assert_eq!(
        outcome(&answer),
        (503, "identity_provider_unavailable".to_owned())
    );
    assert!(answer.header("retry-after").is_some());
    bridge.idcs.up();
    let deadline = Deadline::after(Duration::from_secs(10));
    while bridge.get("echo", &joe).status != 200 {
        deadline.pause("the provider is back");
    }

    // OIC revokes tokens that it accepted. The gateway gets a new token for the same user.
    bridge.oic.revoke_seen_tokens();
    assert_eq!(
        bridge.get("echo", &jane).status,
        401,
        "the answer is the backend's"
    );
    assert_eq!(outcome(&bridge.get("echo", &jane)), (200, JANE.to_owned()));

    // Entra ID changes its signing key.
    bridge.entra.rotate_now();
    let jane = bridge.token(JANE);
    let deadline = Deadline::after(Duration::from_secs(10));
    while bridge.get("echo", &jane).status != 200 {
        deadline.pause("the new keys are known");
    }

    // The gateway changes its signing key, too.
    bridge.idcs.register(Application::gateway().key(&new));
    let mut dynamic = bridge.dynamic.clone();
    let options = &mut dynamic["http"]["middlewares"]["echo"]["plugin"]["oAuthTokenExchange"];
    merge(options, &jwt_bearer(&new));
    bridge.traefik.write_dynamic(&dynamic.to_string()).unwrap();
    bridge.idcs.add_user("ann@example.com");
    let ann = bridge.token("ann@example.com");
    let answer = bridge.get("echo", &ann);
    assert_eq!(answer.status, 401, "she has no role in OIC: {}", answer.text());
    assert_eq!(answer.json()["reason"], Value::Null, "the refusal is OIC's");
    assert_eq!(bridge.oic.tokens_seen().last().unwrap().sub, "ann@example.com");
}

#[test]
fn a_user_who_is_refused_when_the_token_is_renewed_is_refused_from_then_on() {
    let key = key(0);
    let bridge = Bridge::start(std::slice::from_ref(&key), &[("echo", jwt_bearer(&key))]);
    bridge.idcs.set(|switches| switches.default_ttl = 20);
    let (jane, joe) = (bridge.token(JANE), bridge.token(JOE));
    for token in [&jane, &joe] {
        assert_eq!(bridge.get("echo", token).status, 200);
    }
    bridge.idcs.remove_user(JANE);
    let deadline = Deadline::after(Duration::from_secs(30));
    while bridge.idcs.token_calls() == 2 {
        bridge.get("echo", &jane);
        deadline.pause("the token is renewed");
    }
    // The token itself is valid for a second or more, and every instance checks for the refusal ten times per second.
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..8 {
        assert_eq!(
            outcome(&bridge.get("echo", &jane)),
            (401, "invalid_token".to_owned())
        );
    }
    assert_eq!(bridge.get("echo", &joe).status, 200);
}

#[test]
fn an_issuer_never_names_the_users_of_another_one() {
    let [home, partner] = [1, 2].map(|tenant| Idcs::builder().tenant(tenant).start());
    let trusted = |idcs: &Idcs| json!({ "issuer": idcs.url(), "jwksUrl": idcs.jwks_url() });
    let key = key(0);
    let with_users = |users: Value| {
        let mut options = json!({
            "method": "jwtBearer",
            "jwt": { "jwksUrl": null, "issuers": null, "trustedIssuers": [trusted(&home), trusted(&partner)] },
            "jwtBearer": {
                "subjectClaim": "sub",
                "assertion": { "key": key.private_pem(), "keyId": key.kid() },
            },
        });
        options["jwtBearer"]["users"] = users;
        options
    };
    let own = json!([
        { "issuers": home.url(), "names": ["*@example.com"] },
        { "issuers": partner.url(), "names": ["*@partner.example"] },
    ]);
    let same = json!([{ "issuers": [home.url(), partner.url()] }]);
    let bridge = Bridge::start(
        std::slice::from_ref(&key),
        &[
            ("own", with_users(own)),
            ("same", with_users(same)),
            ("unsaid", with_users(Value::Null)),
        ],
    );
    let token = |idcs: &Idcs, user: &str| {
        let token = idcs.client_token().issuer(&idcs.url()).audience(API);
        token.claim("sub", user).mint()
    };
    let (here, there) = (token(&home, JANE), token(&partner, JANE));
    let stranger = token(&partner, "x@partner.example");
    for (router, token, status, said, calls) in [
        ("own", &here, 200, JANE, 1),
        ("own", &there, 403, "forbidden", 1),
        ("own", &stranger, 401, "invalid_token", 2),
        ("own", &here, 200, JANE, 2),
        // This router treats both issuers as one name space. Still, the cache keeps the tokens of each issuer apart.
        ("same", &here, 200, JANE, 2),
        ("same", &there, 200, JANE, 3),
        ("same", &there, 200, JANE, 3),
        ("unsaid", &here, 500, "configuration", 3),
        ("unsaid", &there, 500, "configuration", 3),
    ] {
        let answer = bridge.get(router, token);
        assert_eq!(outcome(&answer), (status, said.to_owned()), "{router}");
        assert_eq!(bridge.idcs.token_calls(), calls, "{router} {said}");
    }
    let log = bridge.traefik.log();
    for line in [
        "code=exchange.no_user reason=name",
        "jwtBearer.users: is required",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}
