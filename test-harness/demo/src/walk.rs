//! Follows one request.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::checked::{DemoError, answer, expect};
use super::screen::{Screen, milliseconds};
use super::sights::{claims, fetches, shortened, spent};
use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::gateway::{Gateway, INTEGRATION, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE};
use harness::idcs::{Application, Endpoint, Resource};
use harness::oic::{RecordedRequest, SeenToken, token_hash};

/// Shows what the plugins fetched while Traefik built them.
pub(super) fn before_the_first_request(gateway: &Gateway, screen: &Screen) -> Result<(), DemoError> {
    screen.title("Before the first request");
    let fetched = [
        (JWT, "jwks", Endpoint::Jwks, "IDCS's public keys"),
        (
            OAUTH_CLIENT_CREDENTIALS,
            "token",
            Endpoint::Token,
            "a token for OIC",
        ),
    ];
    for (plugin, kind, endpoint, what) in fetched {
        let mut requests = gateway.idcs.requests();
        requests.retain(|request| request.endpoint == Some(endpoint));
        expect("calls to IDCS while Traefik starts", &requests.len(), &1)?;
        for (request, took) in requests.iter().zip(fetches(gateway, kind)) {
            let status = screen.status(request.status.unwrap_or_default());
            let call = format!(
                "{plugin:<23} fetches {what:<18} {} {} {status}",
                request.method, request.path
            );
            screen.timed_line(&call, took);
        }
    }
    Ok(())
}

/// Follows one request and returns the client's token.
pub(super) fn one_request(gateway: &Gateway, screen: &Screen) -> Result<String, DemoError> {
    const PATH: &str = "/echo/orders/7?expand=lines";
    const NEW_PATH: &str = "/orders/7";
    screen.title("One request's way");

    let (token, took) = client_token(gateway)?;
    let granted = claims(&token);
    screen.step(1, "client -> IDCS", "asks for a token of its own", Some(took));
    screen.detail("POST /oauth2/v1/token grant_type=client_credentials, with its own client id and secret");
    screen.detail(&format!(
        "token {} of {} bytes: aud {}, scope {}, sub {}",
        shortened(&token),
        token.len(),
        text(&granted["aud"]),
        text(&granted["scope"]),
        shortened(text(&granted["sub"])),
    ));

    let since = Instant::now();
    let answer = answer("Traefik", gateway.get(PATH).bearer(&token))?;
    let took = since.elapsed();
    expect("the answer to a good request", &answer.status, &200)?;
    let (seen, held) = seen_by_oic(gateway)?;
    expect("Authorization headers at OIC", &seen.count("authorization"), &1)?;
    expect("whose token OIC saw", &&*held.sub, &Application::GATEWAY_ID)?;
    expect(
        "whether OIC saw the client's token",
        &(held.hash == token_hash(&token)),
        &false,
    )?;
    expect(
        "the path OIC saw",
        &seen.path,
        &format!("{INTEGRATION}{NEW_PATH}"),
    )?;
    expect("the query OIC saw", &seen.query.as_deref(), &Some("expand=lines"))?;
    let spent = spent(gateway, PATH);

    screen.step(2, "client -> Traefik", &format!("GET {PATH}"), None);
    screen.detail(&format!("Authorization: Bearer {}", shortened(&token)));
    screen.step(3, JWT, "signature, times, audience and scope are good", None);
    screen.detail("takes the client's Authorization away");
    screen.step(
        4,
        OAUTH_CLIENT_CREDENTIALS,
        "puts in the gateway's own token",
        None,
    );
    screen.detail(&format!(
        "Authorization: Bearer (SHA-256 {}), sub {}",
        shortened(&held.hash),
        shortened(&held.sub)
    ));
    screen.step(5, PATH_REWRITE, "turns the path into the integration's", None);
    screen.detail(&format!("{INTEGRATION}{NEW_PATH}?expand=lines"));
    let backend = spent.as_ref().map(|spent| spent.backend);
    screen.step(6, "Traefik -> OIC", "the integration answers", backend);
    let what = format!("{} {}", screen.status(answer.status), said(&answer.json()));
    screen.step(7, "Traefik -> client", &what, Some(took));
    if let Some(spent) = spent {
        let gateway = milliseconds(spent.gateway);
        screen.detail(&format!("Traefik and its plugins took {gateway} of that"));
    }
    Ok(token)
}

/// Gets a token as a client does. Also returns how long that took.
fn client_token(gateway: &Gateway) -> Result<(String, Duration), DemoError> {
    let caller = Application::caller();
    let client = Client::trusting(&CertificateAuthority::shared().ca_pem());
    let request = client
        .post(&gateway.idcs.token_url())
        .client_basic(&caller.client_id, &caller.client_secret)
        .form(&[
            ("grant_type", "client_credentials"),
            ("scope", &Resource::gateway_api().full_scope("echo")),
        ]);
    let since = Instant::now();
    let answer = answer("the mock IDCS", request)?;
    let took = since.elapsed();
    expect("the answer to the client's credentials", &answer.status, &200)?;
    Ok((text(&answer.json()["access_token"]).to_owned(), took))
}

/// Returns the last request that OIC saw, and the only token that it has seen so far.
fn seen_by_oic(gateway: &Gateway) -> Result<(RecordedRequest, SeenToken), DemoError> {
    let mut tokens = gateway.oic.tokens_seen();
    expect("different tokens at OIC", &tokens.len(), &1)?;
    gateway
        .oic
        .last_request()
        .zip(tokens.pop())
        .ok_or_else(|| DemoError::Unexpected {
            what: "requests at OIC",
            expected: "one".to_owned(),
            seen: "none".to_owned(),
        })
}

/// Formats the part of the echo that differs between the client's side and OIC's.
fn said(echo: &Value) -> String {
    let (path, query) = (text(&echo["path"]), text(&echo["query"]));
    format!(r#"{{"path":"{path}","query":"{query}",…}}"#)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
