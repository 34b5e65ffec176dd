//! Both ends of the device flow (RFC 8628): `POST /oauth2/v1/device` for the device, `/ui/v1/device` for its user.

use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::domain::Domain;
use super::errors::OAuthError;
use super::request::{Form, read_typed_form};
use super::user_grants::Device;
use super::{paths, scopes};
use crate::faults::Answer;
use crate::hex;

pub(super) fn answer(
    domain: &Domain,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    match path {
        paths::DEVICE => authorize(domain, headers, body).unwrap_or_else(|error| {
            let ecid = domain.switches().emit_ecid.then(hex::random);
            error.answer(ecid.as_deref())
        }),
        _ if method == Method::GET => Answer::html(StatusCode::OK, &page("")),
        _ => decide(domain, body),
    }
}

/// Answers a device. Like IDCS, it does not require client authentication, and returns neither `interval` (unless a
/// switch sets it) nor `verification_uri_complete`.
fn authorize(domain: &Domain, headers: &HeaderMap, body: &[u8]) -> Result<Answer, OAuthError> {
    let form = read_typed_form(headers, body)?;
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("response_type") != "device_code" {
        return Err(OAuthError::new(
            "invalid_request",
            "Required parameter missing: response_type",
        ));
    }
    let application = domain
        .application(field("client_id"))
        .ok_or_else(OAuthError::invalid_client)?;
    // Reject an invalid scope now, before the user has to do anything.
    scopes::resolve(domain, &application, Some(field("scope")))?;
    let interval = domain.switches().device_interval;
    let device = Device::new(
        &application.client_id,
        field("scope"),
        domain.clock.now_millis() + LIFETIME * 1000,
        interval.map_or(5000, |seconds| i64::from(seconds) * 1000),
    );
    let mut body = json!({
        "expires_in": LIFETIME,
        "device_code": device.device_code,
        "user_code": device.user_code,
        "verification_uri": format!("{}{}", domain.url(), paths::DEVICE_PAGE),
    });
    if let Some(seconds) = interval {
        body["interval"] = json!(seconds);
    }
    domain.user_grants().ask(device);
    Ok(Answer::json(StatusCode::OK, &body).with("cache-control", "no-store"))
}

/// Records the user's decision. There is no login, so the user states their own name.
fn decide(domain: &Domain, body: &[u8]) -> Answer {
    let form: Form = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let user = match field("action") {
        "allow" if !field("user").is_empty() => Some(field("user")),
        "deny" => None,
        _ => {
            return Answer::html(
                StatusCode::BAD_REQUEST,
                &page("Say who you are, and allow or deny."),
            );
        }
    };
    let now = domain.clock.now_millis();
    match domain.user_grants().decide(field("user_code"), user, now) {
        true => Answer::html(StatusCode::OK, &page("Done. You can close this window.")),
        false => Answer::html(
            StatusCode::BAD_REQUEST,
            &page("This code is unknown or has expired."),
        ),
    }
}

fn page(message: &str) -> String {
    format!(
        r#"<!DOCTYPE html><html><head><title>Connect a device</title></head><body><p>{message}</p>
<form method="post"><label>Code <input name="user_code"></label><label>User <input name="user"></label>
<button name="action" value="allow">Allow</button><button name="action" value="deny">Deny</button></form></body></html>"#
    )
}

/// The lifetime of a device code in seconds.
const LIFETIME: i64 = 300;
