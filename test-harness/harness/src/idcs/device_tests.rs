//! Tests of the device flow and of refresh tokens over the network, from the point of view of a device and its user.

use serde_json::{Value, json};

use super::tests::{client, oic_scope, part};
use super::*;
use crate::client::Response;
use crate::oic::Oic;

fn device_code(idcs: &IdcsHandle, scope: &str) -> Response {
    let form = [
        ("response_type", "device_code"),
        ("scope", scope),
        ("client_id", Application::DEVICE_ID),
    ];
    client().post(&idcs.device_url()).form(&form).send().unwrap()
}

fn ask(idcs: &IdcsHandle, fields: &[(&str, &str)]) -> Response {
    let form = [&[("client_id", Application::DEVICE_ID)], fields].concat();
    client().post(&idcs.token_url()).form(&form).send().unwrap()
}

fn redeem(idcs: &IdcsHandle, device_code: &str) -> Response {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    ask(idcs, &[("grant_type", grant), ("device_code", device_code)])
}

fn refresh(idcs: &IdcsHandle, token: &str) -> Response {
    ask(idcs, &[("grant_type", "refresh_token"), ("refresh_token", token)])
}

/// Returns access token and refresh token of a user who has approved the default public client.
fn log_in(idcs: &IdcsHandle, user: &str) -> (String, String) {
    let started = device_code(idcs, &format!("offline_access {}", oic_scope())).json();
    assert!(idcs.approve_device(started["user_code"].as_str().unwrap(), user));
    let answer = redeem(idcs, started["device_code"].as_str().unwrap());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[test]
fn the_device_answer_has_what_idcs_tells_and_no_more() {
    let idcs = Idcs::start();
    let answer = device_code(&idcs, &oic_scope());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["device_code", "expires_in", "user_code", "verification_uri"]
    );
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["user_code"].as_str().unwrap().len(), 8);
    assert_eq!(body["verification_uri"], idcs.device_page_url());
    for (form, error) in [
        (
            vec![("response_type", "code"), ("client_id", Application::DEVICE_ID)],
            "invalid_request",
        ),
        (
            vec![("response_type", "device_code"), ("client_id", "nobody")],
            "invalid_client",
        ),
        (
            vec![
                ("response_type", "device_code"),
                ("client_id", Application::DEVICE_ID),
            ],
            "invalid_scope",
        ),
    ] {
        let answer = client().post(&idcs.device_url()).form(&form).send().unwrap();
        assert_eq!(answer.json()["error"], error, "{form:?}");
    }
}

#[test]
fn a_device_waits_for_its_user_and_hears_what_he_decided() {
    let idcs = Idcs::start();
    let start = || {
        let body = device_code(&idcs, &oic_scope()).json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("device_code"), text("user_code"))
    };
    let error = |code: &str| {
        redeem(&idcs, code).json()["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };

    let (code, user_code) = start();
    assert_eq!(error(&code), "authorization_pending");
    assert_eq!(error(&code), "slow_down");
    let page = client().get(&idcs.device_page_url()).send().unwrap();
    assert!(page.text().contains("user_code"));
    let form = [
        ("user_code", user_code.as_str()),
        ("user", "jane@example.com"),
        ("action", "allow"),
    ];
    assert_eq!(
        client()
            .post(&idcs.device_page_url())
            .form(&form)
            .send()
            .unwrap()
            .status,
        200
    );
    idcs.clock().set_offset(11);
    assert_eq!(redeem(&idcs, &code).status, 200);
    idcs.clock().set_offset(30);
    assert_eq!(error(&code), "invalid_grant", "a code works only once");

    let (code, user_code) = start();
    assert!(idcs.deny_device(&user_code));
    assert_eq!(error(&code), "access_denied");

    let (code, user_code) = start();
    idcs.clock().set_offset(331);
    assert!(!idcs.approve_device(&user_code, "jane@example.com"));
    assert_eq!(error(&code), "expired_token");
}

#[test]
fn a_users_token_opens_what_a_clients_own_does_not() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).service_invoker("jane@example.com").start();
    oic.set(|switches| switches.require_user_context = vec!["/ic/api/".to_owned()]);
    let (token, _) = log_in(&idcs, "jane@example.com");
    let claims = part(&token, 1);
    assert_eq!(
        (&claims["sub"], &claims["sub_type"]),
        (&json!("jane@example.com"), &json!("user"))
    );
    assert_eq!(claims["client_id"], Application::DEVICE_ID);
    assert!(claims["userAppRoles"].is_array() && claims["user_displayname"].is_string());
    let url = format!("{}/ic/api/integration/v1/flows/rest/ECHO/1.0/", oic.url());
    let status = |token: &str| {
        let request = client().get(&url).header("host", oic.host()).bearer(token);
        request.send().unwrap().status
    };
    assert_eq!(status(&token), 200);
    let own = idcs.client_token().client_id(Application::GATEWAY_ID);
    assert_eq!(
        status(&own.audience(&Resource::oic().primary_audience).mint()),
        401
    );
}

#[test]
fn a_refresh_token_is_good_for_one_use_and_a_second_use_ends_the_grant() {
    let idcs = Idcs::start();
    let (_, first) = log_in(&idcs, "jane@example.com");
    let answer = refresh(&idcs, &first).json();
    assert_eq!(
        part(answer["access_token"].as_str().unwrap(), 1)["sub"],
        "jane@example.com"
    );
    let second = answer["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let is_dead = |token: &str| refresh(&idcs, token).json()["error"] == "invalid_grant";
    assert!(is_dead(&first) && is_dead(&second));
    assert_eq!(idcs.revoked_refresh_tokens(), 2);
    assert!(!format!("{:?}", idcs.requests()).contains(&second));

    idcs.set(|switches| switches.refresh_rotation = false);
    let (_, token) = log_in(&idcs, "jane@example.com");
    for _ in 0..2 {
        assert_eq!(refresh(&idcs, &token).json().get("refresh_token"), None::<&Value>);
    }
    idcs.revoke_user_grants();
    assert!(is_dead(&token));
    let (_, token) = log_in(&idcs, "jane@example.com");
    idcs.clock().set_offset(604_801);
    assert!(is_dead(&token));
}

#[test]
fn a_public_client_has_no_token_of_its_own_and_a_confidential_one_needs_its_secret() {
    let idcs = Idcs::start();
    let scope = oic_scope();
    let own = ask(&idcs, &[("grant_type", "client_credentials"), ("scope", &scope)]);
    assert_eq!(own.json()["error"], "unauthorized_client");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", Application::GATEWAY_ID),
        ("scope", &scope),
    ];
    let answer = client().post(&idcs.token_url()).form(&form).send().unwrap();
    assert_eq!(answer.json()["error"], "invalid_client");
}
