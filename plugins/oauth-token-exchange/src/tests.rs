//! Runs the middleware natively, against a small token endpoint.

use std::rc::Rc;

use egress::Platform;
use egress::platform::Native;
use jwt_simple::prelude::*;
use middleware::{Decision, Edit, Middleware};
use serde_json::{Value, json};
use test_doubles::{Endpoint, Request, decide};

use crate::OAuthTokenExchange;

const SECRET: &str = "a secret of 32 bytes or even more";
const ISSUER: &str = "https://a.example";
const OTHER: &str = "https://b.example";

/// A token without a valid signature.
pub(crate) fn unsigned(claims: &str) -> String {
    use base64::Engine as _;
    let part = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
    format!("e30.{part}.c2ln")
}

fn token(user: &str, valid_for: Duration) -> String {
    token_of(ISSUER, user, valid_for)
}

fn token_of(issuer: &str, user: &str, valid_for: Duration) -> String {
    #[derive(Serialize, Deserialize)]
    struct User {
        upn: String,
    }
    let claims = Claims::with_custom_claims(User { upn: user.to_owned() }, valid_for).with_issuer(issuer);
    let key = HS256Key::from_bytes(SECRET.as_bytes());
    key.authenticate(claims).unwrap()
}

fn jane() -> String {
    token("jane", Duration::from_mins(5))
}

/// An endpoint that answers every request with `status` and a body made from the request's number.
fn token_endpoint(status: u16, body: impl Fn(usize) -> String + Send + 'static) -> Endpoint {
    let mut numbers = 0..;
    Endpoint::start(move |_| Some((status, body(numbers.next()?))))
}

fn numbered(number: usize) -> String {
    json!({"access_token": format!("user-token-{number}"), "expires_in": 3600}).to_string()
}

fn directory() -> &'static std::path::Path {
    thread_local!(static DIRECTORY: &'static tempfile::TempDir =
        Box::leak(Box::new(tempfile::tempdir().unwrap())));
    DIRECTORY.with(|directory| directory.path())
}

fn platform() -> Rc<dyn Platform> {
    Rc::new(Native::new(directory(), |_| {}))
}

fn build(options: &Value) -> Result<OAuthTokenExchange, String> {
    OAuthTokenExchange::new(options.to_string().as_bytes(), platform).map_err(|error| error.to_string())
}

fn options(method: &str, url: &str) -> Value {
    let mut options = json!({
        "method": method,
        "url": url,
        "clientID": "gateway",
        "clientSecret": "the gateway's secret",
        "scopes": ["all"],
        "jwt": {"signingSecret": SECRET, "issuers": [ISSUER]},
    });
    if method == "jwtBearer" {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        options["jwtBearer"] =
            json!({"subjectClaim": "oid,upn", "assertion": {"key": key, "keyId": "alias"}});
    }
    options
}

/// The token that the backend receives, or the status of a refusal.
fn sent(plugin: &mut OAuthTokenExchange, token: &str) -> Result<String, u16> {
    match decide(plugin, &Request::get("/").with_bearer(token)) {
        Decision::Reply(reply) => Err(reply.status),
        Decision::Forward(edits) => match edits.iter().collect::<Vec<_>>().as_slice() {
            [Edit::SetHeader(name, value)] if name == "Authorization" => {
                Ok(value.strip_prefix("Bearer ").unwrap().to_owned())
            }
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn a_users_token_is_shared_only_among_routers_that_believe_the_same_servers() {
    for method in ["jwtBearer", "rfc8693"] {
        let endpoint = token_endpoint(200, numbered);
        let mut options = options(method, endpoint.url());
        let caller = jane();
        for (is_careless, calls) in [(true, 1), (false, 1), (true, 0), (false, 0)] {
            options["clientConfig"] = json!({ "tls": { "insecureSkipVerify": is_careless } });
            assert!(sent(&mut build(&options).unwrap(), &caller).is_ok());
            assert_eq!(endpoint.take_received().len(), calls, "{method} {is_careless}");
        }
    }
}

#[test]
fn the_gateway_vouches_for_the_user_of_a_proven_token() {
    let endpoint = token_endpoint(200, numbered);
    let options = options("jwtBearer", endpoint.url());
    let mut plugin = build(&options).unwrap();
    assert_eq!(sent(&mut plugin, &jane()), Ok("user-token-0".to_owned()));
    let form = endpoint.take_received()[0].form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form["scope"], "all");
    let key = options["jwtBearer"]["assertion"]["key"].as_str().unwrap();
    let public = ES256KeyPair::from_pem(key).unwrap().public_key();
    let audiences = ["https://identity.oraclecloud.com/".to_owned()].into();
    let wanted = VerificationOptions {
        allowed_issuers: Some(["gateway".to_owned()].into()),
        allowed_audiences: Some(audiences),
        required_subject: Some("jane".to_owned()),
        ..Default::default()
    };
    public
        .verify_token::<NoCustomClaims>(&form["assertion"], Some(wanted))
        .unwrap();

    // Another token of the same user, or another instance, does not cause another request to the provider.
    let another = token("jane", Duration::from_mins(10));
    assert_eq!(sent(&mut plugin, &another), Ok("user-token-0".to_owned()));
    assert_eq!(
        sent(&mut build(&options).unwrap(), &jane()),
        Ok("user-token-0".to_owned())
    );
    let joe = token("joe", Duration::from_mins(5));
    assert_eq!(sent(&mut plugin, &joe), Ok("user-token-1".to_owned()));
    assert_eq!(endpoint.take_received().len(), 1);
}

#[test]
fn the_callers_token_itself_is_exchanged_and_what_is_got_never_outlives_it() {
    let endpoint = token_endpoint(200, numbered);
    let mut options = options("rfc8693", endpoint.url());
    options["rfc8693"] = json!({"audience": "oic", "requestedTokenType": "urn:x"});
    let mut plugin = build(&options).unwrap();
    let callers = jane();
    assert_eq!(sent(&mut plugin, &callers), Ok("user-token-0".to_owned()));
    assert_eq!(sent(&mut plugin, &callers), Ok("user-token-0".to_owned()));
    let form = endpoint.take_received()[0].form();
    for (name, value) in [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", callers.as_str()),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("requested_token_type", "urn:x"),
        ("audience", "oic"),
        ("scope", "all"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    // Another token is another subject, even if the user is the same.
    let another = token("jane", Duration::from_mins(10));
    assert_eq!(sent(&mut plugin, &another), Ok("user-token-1".to_owned()));
    // `jwt` tolerates clock differences; the exchange does not.
    let expired = token("jane", Duration::from_secs(0));
    assert_eq!(sent(&mut plugin, &expired), Err(401));
    assert_eq!(endpoint.take_received().len(), 1);
}

#[test]
fn nobody_is_vouched_for_without_a_good_token_that_names_him() {
    let endpoint = token_endpoint(200, numbered);
    let mut plugin = build(&options("jwtBearer", endpoint.url())).unwrap();
    let forged = HS256Key::from_bytes(b"another secret of 32 bytes or more!!");
    let forged = forged.authenticate(Claims::create(Duration::from_mins(5)).with_subject("jane"));
    let nameless = HS256Key::from_bytes(SECRET.as_bytes());
    let nameless = nameless.authenticate(
        Claims::create(Duration::from_mins(5))
            .with_subject("jane")
            .with_issuer(ISSUER),
    );
    for (token, status) in [
        (forged.unwrap(), 401),
        (unsigned(r#"{"upn":"jane","exp":99999999999}"#), 401),
        ("opaque".to_owned(), 401),
        (nameless.unwrap(), 403),
        (token("", Duration::from_mins(5)), 403),
    ] {
        assert_eq!(sent(&mut plugin, &token), Err(status), "{token}");
    }
    assert!(endpoint.received().is_empty(), "the provider was asked");
}

#[test]
fn what_is_refused_is_the_callers_matter_only_where_it_is_about_him() {
    for (method, status, body, expected) in [
        ("jwtBearer", 400, r#"{"error":"invalid_grant"}"#, 401),
        ("jwtBearer", 400, r#"{"error":"invalid_request"}"#, 502),
        ("jwtBearer", 401, r#"{"error":"invalid_client"}"#, 502),
        ("jwtBearer", 503, "", 503),
        ("rfc8693", 400, r#"{"error":"invalid_grant"}"#, 401),
        ("rfc8693", 400, r#"{"error":"invalid_request"}"#, 401),
        ("rfc8693", 400, r#"{"error":"invalid_target"}"#, 502),
        ("rfc8693", 401, r#"{"error":"invalid_client"}"#, 502),
    ] {
        let endpoint = token_endpoint(status, move |_| body.to_owned());
        let mut plugin = build(&options(method, endpoint.url())).unwrap();
        assert_eq!(sent(&mut plugin, &jane()), Err(expected), "{method} {body}");
        if expected == 401 {
            let joe = sent(&mut plugin, &token("joe", Duration::from_mins(5)));
            assert_eq!(joe, Err(401), "the provider is asked about joe too");
        }
    }
}

#[test]
fn one_who_is_denied_does_not_stand_in_the_way_of_others() {
    let endpoint = token_endpoint(200, |number| match number {
        0 => r#"{"error":"invalid_grant"}"#.to_owned(),
        number => numbered(number),
    });
    let mut plugin = build(&options("jwtBearer", endpoint.url())).unwrap();
    assert_eq!(
        sent(&mut plugin, &token("nobody", Duration::from_mins(5))),
        Err(401)
    );
    assert_eq!(sent(&mut plugin, &jane()), Ok("user-token-1".to_owned()));
    assert_eq!(
        sent(&mut plugin, &token("nobody", Duration::from_mins(5))),
        Err(401)
    );
}

#[test]
fn the_same_name_at_two_issuers_is_two_users() {
    let endpoint = token_endpoint(200, numbered);
    let mut options = options("jwtBearer", endpoint.url());
    options["jwt"]["issuers"] = json!([ISSUER, OTHER]);
    // The operator says that both issuers name the same users. Their tokens are stored separately nevertheless.
    options["jwtBearer"]["users"] = json!([{"issuers": [ISSUER, OTHER]}]);
    let mut plugin = build(&options).unwrap();
    let minutes = Duration::from_mins(5);
    let (here, there) = (jane(), token_of(OTHER, "jane", minutes));
    for _ in 0..2 {
        assert_eq!(sent(&mut plugin, &here), Ok("user-token-0".to_owned()));
        assert_eq!(sent(&mut plugin, &there), Ok("user-token-1".to_owned()));
    }
    assert_eq!(endpoint.take_received().len(), 2);

    // One router for each issuer, with the same client and state directory.
    let router = |issuer: &str| {
        let mut single = options.clone();
        single["jwt"]["issuers"] = json!([issuer]);
        single["jwtBearer"]["users"] = json!([]);
        build(&single).unwrap()
    };
    assert_eq!(sent(&mut router(ISSUER), &here), Ok("user-token-0".to_owned()));
    assert_eq!(sent(&mut router(OTHER), &there), Ok("user-token-1".to_owned()));
    assert_eq!(sent(&mut router(OTHER), &here), Err(401));
}

#[test]
fn an_issuer_names_its_own_users_only() {
    let endpoint = token_endpoint(200, numbered);
    let mut options = options("jwtBearer", endpoint.url());
    options["jwt"]["issuers"] = json!([ISSUER, OTHER]);
    let error = build(&options).err().unwrap();
    assert!(error.starts_with("jwtBearer.users: is required"), "{error}");
    options["jwtBearer"]["users"] = json!([
        {"issuers": [ISSUER], "names": ["*@a.example"]},
        {"issuers": OTHER, "names": "*@b.example"},
    ]);
    let mut plugin = build(&options).unwrap();
    let minutes = Duration::from_mins(5);
    for (issuer, name, expected) in [
        (ISSUER, "jane@a.example", Ok("user-token-0".to_owned())),
        (OTHER, "jane@a.example", Err(403)),
        (OTHER, "jane@b.example", Ok("user-token-1".to_owned())),
        (ISSUER, "jane@b.example", Err(403)),
        (ISSUER, "jane", Err(403)),
        ("https://A.example", "jane@a.example", Err(401)),
    ] {
        let answer = sent(&mut plugin, &token_of(issuer, name, minutes));
        assert_eq!(answer, expected, "{issuer} {name}");
    }
    assert_eq!(endpoint.take_received().len(), 2);
}

#[test]
fn configuration_errors_name_the_option() {
    let with = |method: &str, patch: Value| {
        let mut options = options(method, "https://idcs/token");
        for (name, value) in patch.as_object().unwrap() {
            options[name] = value.clone();
        }
        options
    };
    for (options, start) in [
        (with("", json!({})), "method: must be jwtBearer or rfc8693"),
        (with("entraID", json!({})), "method: must be jwtBearer or rfc8693"),
        (with("rfc8693", json!({"jwt": null})), "jwt: is required"),
        (with("jwtBearer", json!({"jwt": ""})), "jwt: is required"),
        (with("rfc8693", json!({"jwt": {}})), "jwt.jwksUrl: is required"),
        (
            with("jwtBearer", json!({"jwt": {"signingSecret": SECRET}})),
            "jwt.issuers: is required with method jwtBearer",
        ),
        (
            with(
                "jwtBearer",
                json!({"jwt": {"trustedIssuers": [{"issuer": ISSUER, "jwksUrl": "https://a/k"}, {"jwksUrl": "https://b/k"}]}}),
            ),
            "jwt.issuers: is required with method jwtBearer",
        ),
        (
            with(
                "jwtBearer",
                json!({"jwt": {"trustedIssuers": [
                    {"issuer": ISSUER, "jwksUrl": "https://a/k"}, {"issuer": OTHER, "jwksUrl": "https://b/k"},
                ]}}),
            ),
            "jwtBearer.users: is required: the block jwt accepts tokens of 2 issuers",
        ),
        (
            with(
                "jwtBearer",
                json!({"jwt": {"jwksUrl": "/keys", "issuers": [ISSUER, OTHER]}}),
            ),
            "jwtBearer.users: is required: the block jwt accepts tokens of 2 issuers",
        ),
        (
            with("jwtBearer", json!({"jwtBearer": {"users": [{"issuer": ISSUER}]}})),
            "jwtBearer.users[0].issuer: is not an option of this plugin; did you mean `issuers`?",
        ),
        (with("rfc8693", json!({"url": null})), "url: is required"),
        (
            with("rfc8693", json!({"clientSecret": null})),
            "clientSecret: is required",
        ),
        (
            with("jwtBearer", json!({"jwtBearer": {"subjectClaim": "upn"}})),
            "jwtBearer.assertion.key: is required",
        ),
        (
            with("jwtBearer", json!({"jwtBearer": {}})),
            "jwtBearer.subjectClaim: is required",
        ),
        (
            with("jwtBearer", json!({"rfc8693": {"audience": "x"}})),
            "rfc8693: has no effect with this method",
        ),
        (
            with("rfc8693", json!({"jwtBearer": {"subjectClaim": "upn"}})),
            "jwtBearer: has no effect with this method",
        ),
        (
            with("rfc8693", json!({"endpointParams": {"assertion": "x"}})),
            "endpointParams.assertion: has an option of its own",
        ),
        (
            with("rfc8693", json!({"scope": "x"})),
            "scope: is not an option of this plugin",
        ),
    ] {
        let error = build(&options).err().unwrap();
        assert!(error.starts_with(start), "{options}: {error}");
    }
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let one_key = with(
        "jwtBearer",
        json!({
            "clientSecret": null, "tokenEndpointAuthMethod": "private_key_jwt",
            "clientAssertion": {"key": key}, "jwtBearer": {"subjectClaim": ["upn"]},
        }),
    );
    build(&one_key).unwrap();
    let mut secret = one_key.clone();
    secret["tokenEndpointAuthMethod"] = json!("client_secret_jwt");
    secret["clientSecret"] = json!("the gateway's secret");
    secret["clientAssertion"] = json!({});
    let error = build(&secret).err().unwrap();
    assert!(
        error.starts_with("jwtBearer.assertion.key: is required"),
        "{error}"
    );
}

#[test]
fn a_users_token_outlives_the_gateways_old_secret() {
    let endpoint = token_endpoint(200, numbered);
    let with_secret = |secret: &str| {
        let mut options = options("rfc8693", endpoint.url());
        options["clientSecret"] = json!(secret);
        build(&options).unwrap()
    };
    let jane = jane();
    let mut old = with_secret("old");
    assert_eq!(sent(&mut old, &jane), Ok("user-token-0".to_owned()));
    let mut new = with_secret("new");
    new.take_over(old);
    assert_eq!(sent(&mut new, &jane), Ok("user-token-0".to_owned()));
    assert_eq!(endpoint.take_received().len(), 1);
    assert_eq!(
        sent(&mut with_secret("other"), &jane),
        Ok("user-token-1".to_owned())
    );
}
