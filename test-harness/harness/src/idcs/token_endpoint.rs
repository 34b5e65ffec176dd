//! `POST /oauth2/v1/token`.

use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};

use super::access_token;
use super::applications::Application;
use super::client_authentication::authenticate;
use super::domain::Domain;
use super::errors::OAuthError;
use super::grants;
use super::records::IssuedToken;
use super::request::{header, read_typed_form};
use super::scopes::Grantable;
use super::switches::ExpiresIn;
use crate::faults::Answer;
use crate::hex;

pub(super) fn answer(domain: &Domain, parts: &Parts, body: &[u8]) -> Answer {
    let answer = issue(domain, parts, body).unwrap_or_else(|error| {
        let ecid = domain.switches().emit_ecid.then(hex::random);
        error.answer(ecid.as_deref())
    });
    answer
        .with("cache-control", "no-store")
        .with("pragma", "no-cache")
}

fn issue(domain: &Domain, parts: &Parts, body: &[u8]) -> Result<Answer, OAuthError> {
    let headers = &parts.headers;
    let form = read_typed_form(headers, body)?;
    let (authorization, certificate) = (header(headers, "authorization"), parts.extensions.get());
    let application = authenticate(domain, authorization, certificate, &form)?;
    let granted = grants::grant(domain, &application, &form)?;
    Ok(token_response(domain, &application, &granted))
}

fn token_response(domain: &Domain, application: &Application, granted: &Grantable) -> Answer {
    let (default_ttl, expires_in, token_size) = {
        let switches = domain.switches();
        (switches.default_ttl, switches.expires_in, switches.token_size)
    };
    let lifetime = granted
        .lifetime
        .map_or(default_ttl, |wanted| wanted.min(default_ttl));
    let key = domain.keys().current.clone();
    let header_text = Value::Object(access_token::header(&key)).to_string();
    let mut claims = access_token::claims(domain, application, granted, i64::from(lifetime));
    let sign = |claims: &access_token::Members| {
        key.sign(
            key.algorithm(),
            &header_text,
            &Value::Object(claims.clone()).to_string(),
        )
    };
    let mut token = sign(&claims);
    if token.len() < token_size {
        access_token::pad(&mut claims, token.len(), token_size);
        token = sign(&claims);
    }
    domain.records().issued.push(IssuedToken {
        jti: claims
            .get("jti")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        client_id: application.client_id.clone(),
        exp: claims.get("exp").and_then(Value::as_i64).unwrap_or_default(),
        audience: granted.audience.clone(),
        scope: granted.scope.clone(),
    });
    let mut body = json!({"access_token": token, "token_type": "Bearer"});
    match expires_in {
        ExpiresIn::Number => body["expires_in"] = json!(lifetime),
        ExpiresIn::Text => body["expires_in"] = json!(lifetime.to_string()),
        ExpiresIn::Missing => {}
    }
    if let Some(refresh_token) = &granted.refresh_token {
        body["refresh_token"] = json!(refresh_token);
    }
    Answer::json(StatusCode::OK, &body)
}
