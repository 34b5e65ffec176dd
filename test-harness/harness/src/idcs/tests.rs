//! Tests of the mock IDCS over the network, from the gateway's point of view.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{HS256Key, MACLike as _, RS256PublicKey, RSAPublicKeyLike as _};
use jwt_simple::claims::NoCustomClaims;
use serde_json::{Value, json};

use super::key_ring::KeyRing;
use super::*;
use crate::certificates::CertificateAuthority;
use crate::client::{Client, ClientError, Request, Response};
use crate::clock::Clock;
use crate::entra::Entra;
use crate::faults::Fault;
use crate::keys::{Algorithm, SigningKey};

pub(super) fn client() -> Client {
    Client::trusting(&CertificateAuthority::shared().ca_pem())
}

pub(super) fn oic_scope() -> String {
    Resource::oic().full_scope("urn:opc:resource:consumer::all")
}

fn ask(client: &Client, idcs: &IdcsHandle, scope: &str) -> Request {
    let gateway = Application::gateway();
    client
        .post(&idcs.token_url())
        .client_basic(&gateway.client_id, &gateway.client_secret)
        .form(&[("grant_type", "client_credentials"), ("scope", scope)])
}

fn token(idcs: &IdcsHandle, scope: &str) -> Value {
    let response = ask(&client(), idcs, scope).send().unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn jwks(idcs: &IdcsHandle) -> Response {
    client().get(&idcs.jwks_url()).send().unwrap()
}

pub(super) fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Returns whether jwt-simple verifies the token with a key of the served document.
fn served_keys_verify(jwks: &Value, token: &str) -> bool {
    let decode = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
    jwks["keys"].as_array().unwrap().iter().any(|key| {
        let key = RS256PublicKey::from_components(&decode(&key["n"]), &decode(&key["e"])).unwrap();
        key.verify_token::<NoCustomClaims>(token, None).is_ok()
    })
}

#[test]
fn client_credentials_give_a_token_in_the_shape_of_idcs() {
    let idcs = Idcs::start();
    let response = ask(&client(), &idcs, &oic_scope()).send().unwrap();
    assert_eq!(response.status, 200);
    assert!(response.header("x-oracle-dms-ecid").is_some());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.json();
    let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["access_token", "expires_in", "token_type"]);
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );

    let token = body["access_token"].as_str().unwrap();
    assert!(served_keys_verify(&jwks(&idcs).json(), token));
    let (header, claims) = (part(token, 0), part(token, 1));
    assert_eq!(header["kid"], "SIGNING_KEY");
    assert_eq!(header["x5t#S256"], jwks(&idcs).json()["keys"][0]["x5t#S256"]);
    assert_eq!(header.get("typ"), None);
    assert_eq!(claims["iss"], "https://identity.oraclecloud.com/");
    assert_eq!(claims["sub"], Application::GATEWAY_ID);
    assert_eq!(claims["sub_type"], "client");
    assert_eq!(claims["tok_type"], "AT");
    assert_eq!(claims["aud"], Resource::oic().primary_audience);
    assert_eq!(claims["scope"], "urn:opc:resource:consumer::all");
    assert_eq!(claims["user.tenant.name"], idcs.tenant());
    assert_eq!(claims.get("nbf"), None);
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((3600..=3601).contains(&lifetime), "{lifetime}");

    let issued = idcs.tokens_issued();
    assert_eq!(issued.len(), 1);
    assert_eq!(
        (&json!(issued[0].jti), &json!(issued[0].exp)),
        (&claims["jti"], &claims["exp"])
    );
    assert_eq!((idcs.token_calls(), idcs.jwks_calls()), (1, 2));
}

#[test]
fn errors_are_those_of_idcs() {
    let idcs = Idcs::start();
    let scope = oic_scope();
    let (id, secret) = (Application::GATEWAY_ID, Application::gateway().client_secret);
    let form = |fields: &[(&str, &str)]| {
        client()
            .post(&idcs.token_url())
            .client_basic(id, &secret)
            .form(fields)
    };
    let wrong_secret = client().post(&idcs.token_url()).client_basic(id, "wrong");
    let grant = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let both = [
        grant[0],
        grant[1],
        ("client_id", id),
        ("client_secret", secret.as_str()),
    ];
    let table = [
        (form(&grant[..1]), 400, "invalid_scope"),
        (
            form(&[grant[0], ("scope", "https://nobody.example/x")]),
            400,
            "invalid_scope",
        ),
        (form(&[("scope", &scope)]), 400, "invalid_request"),
        (
            form(&[("grant_type", "password"), ("scope", &scope)]),
            400,
            "unsupported_grant_type",
        ),
        (form(&[grant[0], grant[1], grant[1]]), 400, "invalid_request"),
        (form(&both), 400, "invalid_request"),
        (
            client()
                .post(&idcs.token_url())
                .client_basic(id, &secret)
                .json(&json!({})),
            400,
            "invalid_request",
        ),
        (wrong_secret.form(&grant), 401, "invalid_client"),
        (
            client().post(&idcs.token_url()).form(&grant),
            401,
            "invalid_client",
        ),
    ];
    for (place, (request, status, error)) in table.into_iter().enumerate() {
        let response = request.send().unwrap();
        let body = response.json();
        assert_eq!(
            (response.status, &body["error"]),
            (status, &json!(error)),
            "row {place}: {body}"
        );
        assert!(
            body["error_description"].is_string() && body["ecid"].is_string(),
            "row {place}: {body}"
        );
    }
    assert_eq!(idcs.tokens_issued(), []);
}

#[test]
fn secrets_in_the_body_are_accepted_by_a_switch_and_never_recorded() {
    let idcs = Idcs::start();
    let (id, secret) = (Application::GATEWAY_ID, Application::gateway().client_secret);
    let scope = oic_scope();
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", scope.as_str()),
        ("client_id", id),
        ("client_secret", secret.as_str()),
    ];
    let send = || {
        client()
            .post(&idcs.token_url())
            .form(&fields)
            .send()
            .unwrap()
            .status
    };
    assert_eq!(send(), 200);
    idcs.set(|switches| switches.post_body_auth = false);
    assert_eq!(send(), 401);
    let requests = idcs.requests();
    assert_eq!(requests[0].form["client_secret"], "[redacted]");
    assert_eq!(requests[0].client_id.as_deref(), Some(id));
    assert_eq!(
        requests.iter().map(|request| request.status).collect::<Vec<_>>(),
        [Some(200), Some(401)]
    );
    assert!(!format!("{requests:?}").contains(&secret));
}

#[test]
fn rotation_keeps_the_key_id_and_drops_the_old_key_at_once() {
    let idcs = Idcs::start();
    let before = token(&idcs, &oic_scope())["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let old = jwks(&idcs).json();
    idcs.rotate_now();
    let after = token(&idcs, &oic_scope())["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let new = jwks(&idcs).json();
    assert_eq!(new["keys"].as_array().unwrap().len(), 1);
    assert_eq!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
    assert_ne!(old["keys"][0]["n"], new["keys"][0]["n"]);
    assert_ne!(old["keys"][0]["x5t#S256"], new["keys"][0]["x5t#S256"]);
    assert!(served_keys_verify(&old, &before) && !served_keys_verify(&new, &before));
    assert!(served_keys_verify(&new, &after) && !served_keys_verify(&old, &after));
    idcs.rotate_now_new_kid("SECOND");
    assert_eq!(jwks(&idcs).json()["keys"][0]["kid"], "SECOND");
}

#[test]
fn two_keys_may_share_the_key_id() {
    let idcs = Idcs::builder()
        .set(|switches| switches.jwks_two_keys_same_kid = true)
        .start();
    let document = jwks(&idcs).json();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0]["kid"], keys[1]["kid"]);
    assert_ne!(keys[0]["n"], keys[1]["n"]);
    assert_eq!(
        Some(keys[1]["n"].as_str().unwrap().to_owned()),
        idcs.signing_key().modulus()
    );
}

#[test]
fn tenants_share_issuer_and_key_id_but_no_key() {
    let (first, second) = (Idcs::start(), Idcs::builder().tenant(1).start());
    let (ours, theirs) = (first.client_token().mint(), second.client_token().mint());
    assert_eq!(part(&ours, 1)["iss"], part(&theirs, 1)["iss"]);
    assert_eq!(part(&ours, 0)["kid"], part(&theirs, 0)["kid"]);
    assert_ne!(part(&ours, 1)["tenant"], part(&theirs, 1)["tenant"]);
    assert!(served_keys_verify(&first.jwks(), &ours));
    assert!(!served_keys_verify(&first.jwks(), &theirs));
}

#[test]
fn a_closed_jwks_takes_a_token_for_the_domains_own_api() {
    let idcs = Idcs::builder()
        .set(|switches| switches.jwks_public = false)
        .start();
    let closed = jwks(&idcs);
    assert_eq!(closed.status, 401);
    assert_eq!(
        closed.json()["schemas"][0],
        "urn:ietf:params:scim:api:messages:2.0:Error"
    );
    assert_eq!(closed.json()["status"], "401");
    let with = |scope: &str| {
        let token = token(&idcs, scope)["access_token"].as_str().unwrap().to_owned();
        client()
            .get(&idcs.jwks_url())
            .bearer(&token)
            .send()
            .unwrap()
            .status
    };
    assert_eq!(with("urn:opc:idm:__myscopes__"), 200);
    assert_eq!(with(&oic_scope()), 401);
}

#[test]
fn discovery_names_the_shared_issuer_and_its_own_endpoints() {
    let idcs = Idcs::start();
    let get = |path: &str| client().get(&(idcs.url() + path)).send().unwrap().json();
    let flat = get("/.well-known/openid-configuration");
    assert_eq!(flat["issuer"], "https://identity.oraclecloud.com/");
    assert_eq!(flat["jwks_uri"], idcs.jwks_url());
    assert_eq!(flat["token_endpoint"], idcs.token_url());
    assert!(flat.get("introspection_endpoint").is_none() && flat["introspect_endpoint"].is_string());
    assert_eq!(
        get("/.well-known/idcs-configuration")["openid-configuration"],
        flat
    );
}

#[test]
fn unknown_paths_are_not_found_in_scims_words() {
    let idcs = Idcs::start();
    for request in [
        client().get(&(idcs.url() + "/nowhere")),
        client().get(&idcs.token_url()),
    ] {
        let response = request.send().unwrap();
        assert_eq!(
            (response.status, &response.json()["status"]),
            (404, &json!("404"))
        );
    }
    assert_eq!(idcs.token_calls(), 0);
}

#[test]
fn switches_shape_the_token_response() {
    let idcs = Idcs::start();
    let scope = oic_scope();
    let response = |change: &dyn Fn(&mut Switches)| {
        idcs.set(|switches| {
            *switches = Switches::default();
            change(switches);
        });
        token(&idcs, &scope)
    };
    let claims = |response: &Value| part(response["access_token"].as_str().unwrap(), 1);
    assert_eq!(
        response(&|switches| switches.expires_in = ExpiresIn::Text)["expires_in"],
        "3600"
    );
    assert_eq!(
        response(&|switches| switches.expires_in = ExpiresIn::Missing).get("expires_in"),
        None
    );
    assert_eq!(response(&|switches| switches.default_ttl = 2)["expires_in"], 2);
    let padded = response(&|switches| switches.token_size = 8000);
    assert!((8000..8100).contains(&padded["access_token"].as_str().unwrap().len()));
    assert!(
        claims(&response(
            &|switches| switches.aud_as_string_or_array = AudienceShape::Array
        ))["aud"]
            .is_array()
    );
    let issuer = |mode| claims(&response(&|switches| switches.issuer_mode = mode))["iss"].clone();
    assert_eq!(
        issuer(IssuerMode::SharedNoSlash),
        "https://identity.oraclecloud.com"
    );
    assert_eq!(issuer(IssuerMode::Domain), format!("https://{}:443", idcs.host()));
    idcs.clock().set_offset(-10_000);
    let late = claims(&response(&|_| {}))["exp"].as_i64().unwrap();
    assert!(late < Clock::default().now());
}

#[test]
fn cache_header_of_the_jwks_is_a_switch() {
    let idcs = Idcs::start();
    assert_eq!(jwks(&idcs).header("cache-control"), None);
    idcs.set(|switches| switches.jwks_cache_header = Some("max-age=60".to_owned()));
    assert_eq!(jwks(&idcs).header("cache-control"), Some("max-age=60"));
}

#[test]
fn the_rate_limit_answers_429() {
    let idcs = Idcs::start();
    idcs.set(|switches| {
        switches.jwks.rate_limit = Some(RateLimit {
            per_second: 0,
            retry_after: Some("7".to_owned()),
        });
    });
    let refused = jwks(&idcs);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
    idcs.set(|switches| {
        switches.jwks.rate_limit = Some(RateLimit {
            per_second: 1000,
            retry_after: None,
        })
    });
    assert_eq!(jwks(&idcs).status, 200);
}

#[test]
fn latency_is_per_endpoint() {
    let idcs = Idcs::start();
    idcs.set(|switches| switches.jwks.latency = Duration::from_secs(1));
    let client = client();
    ask(&client, &idcs, &oic_scope()).send().unwrap();
    let since = Instant::now();
    let waited = client.get(&idcs.jwks_url()).send().unwrap();
    assert_eq!(waited.status, 200);
    assert!(since.elapsed() >= Duration::from_secs(1));
    let hasty = client
        .get(&idcs.jwks_url())
        .timeout(Duration::from_millis(200))
        .send();
    assert!(hasty.is_err());
    assert!(
        ask(&client, &idcs, &oic_scope())
            .timeout(Duration::from_millis(900))
            .send()
            .is_ok()
    );
}

#[test]
fn every_fault_shows_at_both_endpoints_and_ends() {
    let idcs = Idcs::start();
    let client = client();
    type Seen = fn(Result<Response, ClientError>) -> bool;
    let is_timeout: Seen = |result| result.is_err_and(|error| error.to_string().contains("timed out"));
    let table: [(Fault, Seen); 12] = [
        (Fault::Refuse, |result| result.is_err()),
        (Fault::Hang, is_timeout),
        (Fault::Status(503), |result| {
            result.is_ok_and(|got| got.status == 503 && got.text().starts_with("<html>"))
        }),
        (Fault::Status(500), |result| {
            result.is_ok_and(|got| got.status == 500)
        }),
        (
            Fault::TooManyRequests {
                retry_after: Some("3".to_owned()),
            },
            |result| result.is_ok_and(|got| got.status == 429 && got.header("retry-after") == Some("3")),
        ),
        (
            Fault::Redirect("https://elsewhere.example/".to_owned()),
            |result| {
                result.is_ok_and(|got| {
                    got.status == 302 && got.header("location") == Some("https://elsewhere.example/")
                })
            },
        ),
        (Fault::EmptyBody, |result| {
            result.is_ok_and(|got| got.status == 200 && got.body.is_empty())
        }),
        (Fault::Html, |result| {
            result.is_ok_and(|got| {
                got.status == 200 && got.header("content-type").unwrap().starts_with("text/html")
            })
        }),
        (Fault::InvalidJson, |result| {
            result.is_ok_and(|got| got.status == 200 && !got.body.is_empty() && got.json().is_null())
        }),
        (Fault::Incomplete, |result| {
            result.is_ok_and(|got| {
                let json = got.json();
                got.status == 200
                    && json.is_object()
                    && json.get("access_token").or(json.get("keys")).is_none()
            })
        }),
        (Fault::TruncatedBody, |result| {
            result.is_err_and(|error| !error.to_string().contains("timed out"))
        }),
        (Fault::OversizedBody, |result| {
            result.is_ok_and(|got| got.body.len() > 10_000_000 && got.json()["padding"].is_string())
        }),
    ];
    for (fault, seen) in table {
        for endpoint in [Endpoint::Token, Endpoint::Jwks] {
            let send = || match endpoint {
                Endpoint::Token => ask(&client, &idcs, &oic_scope()),
                _ => client.get(&idcs.jwks_url()),
            };
            let patience = Duration::from_millis(if fault == Fault::Hang { 300 } else { 20_000 });
            idcs.down_at(endpoint, fault.clone());
            assert!(seen(send().timeout(patience).send()), "{fault:?} at {endpoint:?}");
            idcs.up();
            assert_eq!(send().send().unwrap().status, 200, "{endpoint:?} after {fault:?}");
        }
    }
}

#[test]
fn a_slow_drip_arrives_byte_by_byte() {
    let idcs = Idcs::start();
    idcs.down_at(Endpoint::Token, Fault::SlowDrip(Duration::from_millis(50)));
    let slow = ask(&client(), &idcs, &oic_scope())
        .timeout(Duration::from_millis(500))
        .send();
    assert!(slow.is_err_and(|error| error.to_string().contains("timed out")));
    idcs.down_at(Endpoint::Token, Fault::SlowDrip(Duration::ZERO));
    assert_eq!(token(&idcs, &oic_scope())["token_type"], "Bearer");
}

#[test]
fn the_whole_server_can_be_gone_and_come_back_at_the_same_port() {
    let idcs = Idcs::start();
    // Use a new client for each request. A pooled connection would show how it ended, not how the mock treats new
    // connections.
    let send = || {
        client()
            .get(&idcs.jwks_url())
            .timeout(Duration::from_secs(2))
            .send()
    };
    assert_eq!(send().unwrap().status, 200);
    for _ in 0..3 {
        idcs.down(Fault::Refuse);
        let refused = send().unwrap_err().to_string();
        assert!(refused.contains("refused"), "{refused}");
        idcs.up();
        assert_eq!(send().unwrap().status, 200);
    }
    idcs.down(Fault::UntrustedCertificate);
    let untrusted = send().unwrap_err().to_string();
    assert!(untrusted.contains("certificate"), "{untrusted}");
    idcs.down(Fault::HangInHandshake);
    let hanging = send().unwrap_err().to_string();
    assert!(hanging.contains("timed out"), "{hanging}");
    idcs.up();
    assert_eq!(send().unwrap().status, 200);
}

#[test]
fn a_fault_may_come_a_number_of_times() {
    let idcs = Idcs::start();
    idcs.down_for(Endpoint::Jwks, 2, Fault::Status(503));
    let statuses: Vec<u16> = (0..3).map(|_| jwks(&idcs).status).collect();
    assert_eq!(statuses, [503, 503, 200]);
}

#[test]
fn the_port_is_free_after_the_drop() {
    let idcs = Idcs::builder().plain_http().start();
    let address = idcs.address();
    assert_eq!(Client::plain().get(&idcs.jwks_url()).send().unwrap().status, 200);
    drop(idcs);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn minted_tokens_are_right_or_wrong_as_asked() {
    let idcs = Idcs::start();
    let document = idcs.jwks();
    let now = idcs.clock().now();
    let claim = |token: &str, name: &str| part(token, 1)[name].clone();
    let header = |token: &str, name: &str| part(token, 0)[name].clone();

    let valid = idcs
        .client_token()
        .scope("orders.read")
        .claim("department", "sales")
        .mint();
    assert!(served_keys_verify(&document, &valid));
    assert_eq!(claim(&valid, "scope"), "orders.read");
    assert_eq!(claim(&valid, "department"), "sales");
    assert_eq!(claim(&valid, "aud"), Resource::gateway_api().primary_audience);

    assert!(
        claim(&idcs.client_token().expired().mint(), "exp")
            .as_i64()
            .unwrap()
            <= now - 3599
    );
    assert!(
        claim(&idcs.client_token().not_yet_valid().mint(), "nbf")
            .as_i64()
            .unwrap()
            >= now + 3600
    );
    assert!(claim(&idcs.client_token().without("exp").mint(), "exp").is_null());
    assert_eq!(
        claim(
            &idcs.client_token().tenant("idcs-other").mint(),
            "user.tenant.name"
        ),
        "idcs-other"
    );
    assert_eq!(
        claim(&idcs.client_token().audiences(&["a", "b"]).mint(), "aud"),
        json!(["a", "b"])
    );
    assert_eq!(
        header(&idcs.client_token().crit(&["exp"]).mint(), "crit"),
        json!(["exp"])
    );

    let none = idcs.client_token().unsigned().mint();
    assert!(none.ends_with('.') && header(&none, "alg") == "none");
    for wrong in [
        idcs.client_token().signed_by_another_key().mint(),
        idcs.client_token().embeds_its_key().mint(),
        idcs.client_token().jku("https://evil.example/jwks").mint(),
        idcs.client_token().x5u("https://evil.example/x5u").mint(),
    ] {
        assert_eq!(header(&wrong, "kid"), "SIGNING_KEY");
        assert!(!served_keys_verify(&document, &wrong));
    }
    assert_eq!(
        header(&idcs.client_token().embeds_its_key().mint(), "jwk")["kty"],
        "RSA"
    );

    let duplicate = idcs
        .client_token()
        .duplicate_claim("exp", 1)
        .duplicate_header("alg", "none")
        .mint();
    let text = |place| {
        String::from_utf8(
            URL_SAFE_NO_PAD
                .decode(duplicate.split('.').nth(place).unwrap())
                .unwrap(),
        )
    };
    assert_eq!(text(1).unwrap().matches("\"exp\"").count(), 2);
    assert!(text(0).unwrap().ends_with(r#","alg":"none"}"#));
    assert!((16_500..16_600).contains(&idcs.client_token().padded_to(16_500).mint().len()));
    let nested = idcs.client_token().nested(10_000).mint();
    assert!(nested.len() > 20_000 && served_signature_is_ours(&idcs, &nested));
    let ps512 = idcs.client_token().algorithm(Algorithm::PS512).mint();
    assert!(header(&ps512, "alg") == "PS512" && served_signature_is_ours(&idcs, &ps512));
}

/// Checks only the signature, for tokens that a JSON parser rejects.
fn served_signature_is_ours(idcs: &IdcsHandle, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let algorithm = Algorithm::from_name(part(token, 0)["alg"].as_str().unwrap()).unwrap();
    idcs.signing_key()
        .verify(algorithm, message.as_bytes(), &signature)
}

#[test]
fn algorithm_confusion_is_signed_with_the_public_key() {
    let idcs = Idcs::start();
    let key = idcs.signing_key();
    let table = [
        (PublicKeyForm::Pem, key.public_pem().into_bytes()),
        (PublicKeyForm::Der, key.public_der()),
        (PublicKeyForm::Modulus, key.modulus().unwrap().into_bytes()),
    ];
    for (form, secret) in table {
        let token = idcs.client_token().hs256_with_public_key(form).mint();
        assert!(
            HS256Key::from_bytes(&secret)
                .verify_token::<NoCustomClaims>(&token, None)
                .is_ok(),
            "{form:?}"
        );
        assert_eq!(part(&token, 0)["alg"], "HS256");
    }
}

#[test]
fn introspection_takes_a_client_that_may_and_tells_the_state_of_any_token() {
    let idcs = Idcs::start();
    idcs.register(Application::new("asking", "secret").introspecting());
    let ask = |secret: &str, id: &str, token: &str| {
        let request = client().post(&idcs.introspect_url()).client_basic(id, secret);
        request.form(&[("token", token)]).send().unwrap()
    };
    let exp = idcs.clock().now() + 60;
    let opaque = idcs.opaque_token(&json!({ "sub": "jane", "exp": exp }));
    let old = idcs.opaque_token(&json!({ "sub": "jane", "exp": exp - 120 }));
    let jwt = idcs.client_token().mint();
    let active = |token: &str| ask("secret", "asking", token).json()["active"].clone();
    let expected = json!({ "active": true, "token_type": "Bearer", "sub": "jane", "exp": exp });
    assert_eq!(ask("secret", "asking", &opaque).json(), expected);
    assert_eq!(active(&jwt), true);
    for token in [
        &old,
        "unknown",
        &idcs.client_token().signed_by_another_key().mint(),
    ] {
        assert_eq!(ask("secret", "asking", token).json(), json!({ "active": false }));
    }
    for token in [&opaque, &jwt] {
        idcs.revoke(token);
        assert_eq!(active(token), false);
    }
    assert_eq!(ask("wrong", "asking", &opaque).status, 401);
    let gateway = Application::gateway();
    let answer = ask(&gateway.client_secret, &gateway.client_id, &opaque);
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (401, &json!("unauthorized_client"))
    );
    let shown = format!("{:?}", idcs.requests());
    assert!(!shown.contains(&opaque) && shown.contains("[redacted]"));
    assert_eq!(idcs.introspect_calls(), 9);
}

#[test]
fn users_get_tokens_by_assertions_and_by_tokens_of_a_trusted_provider() {
    const SUBJECT: &str = "jane@example.com";
    const ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    let (key, other) = (SigningKey::p256().with_kid("k"), SigningKey::p256().with_kid("k"));
    let entra = Entra::start();
    let idcs = Idcs::builder().trusting(&entra).user(SUBJECT).start();
    idcs.register(Application::gateway().key(&key));
    let client = client();
    let assertion = |signer: &SigningKey, user: &str, audience: &str, lifetime: i64| {
        let now = idcs.clock().now();
        let claims = json!({
            "iss": Application::GATEWAY_ID, "sub": user, "aud": audience, "iat": now, "exp": now + lifetime,
            "jti": crate::hex::random(),
        });
        signer.sign(
            Algorithm::ES256,
            r#"{"alg":"ES256","kid":"k"}"#,
            &claims.to_string(),
        )
    };
    let domains = "https://identity.oraclecloud.com/";
    let good = assertion(&key, SUBJECT, domains, 60);
    let jane = || entra.token(SUBJECT);
    for (grant, token, outcome) in [
        (ASSERTION, good.clone(), "user"),
        (ASSERTION, good, "invalid_grant"),
        (ASSERTION, assertion(&key, "nobody", domains, 60), "invalid_grant"),
        (
            ASSERTION,
            assertion(&other, SUBJECT, domains, 60),
            "invalid_grant",
        ),
        (
            ASSERTION,
            assertion(&key, SUBJECT, "https://elsewhere/", 60),
            "invalid_grant",
        ),
        (ASSERTION, assertion(&key, SUBJECT, domains, -1), "invalid_grant"),
        (EXCHANGE, jane().mint(), "user"),
        (EXCHANGE, jane().v1().mint(), "user"),
        (EXCHANGE, entra.token("nobody").mint(), "invalid_request"),
        (EXCHANGE, jane().expires_in(-1).mint(), "invalid_request"),
        (
            EXCHANGE,
            jane().claim("iss", "https://elsewhere/").mint(),
            "invalid_request",
        ),
        (
            EXCHANGE,
            jane().signed_by(&KeyRing::foreign()).mint(),
            "invalid_request",
        ),
        (EXCHANGE, idcs.client_token().mint(), "invalid_request"),
    ] {
        let gateway = Application::gateway();
        let (scope, field) = (
            oic_scope(),
            if grant == ASSERTION {
                "assertion"
            } else {
                "subject_token"
            },
        );
        let answer = client
            .post(&idcs.token_url())
            .client_basic(&gateway.client_id, &gateway.client_secret)
            .form(&[
                ("grant_type", grant),
                ("scope", &scope),
                (field, &token),
                (
                    "subject_token_type",
                    "urn:ietf:params:oauth:token-type:access_token",
                ),
            ])
            .send()
            .unwrap();
        let said = match answer.status {
            200 => part(answer.json()["access_token"].as_str().unwrap(), 1)["sub_type"].clone(),
            _ => answer.json()["error"].clone(),
        };
        assert_eq!(said, outcome, "{grant}: {}", answer.text());
        assert!(idcs.requests().last().unwrap().form[field] == "[redacted]");
    }
}
