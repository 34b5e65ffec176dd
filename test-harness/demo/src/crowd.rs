//! Sends many requests and shows what they cost IDCS.

use std::time::Duration;

use super::checked::{DemoError, expect};
use super::screen::{Screen, milliseconds};
use harness::gateway::Gateway;
use harness::idcs::{Application, Endpoint};
use harness::load::{Load, get_with_bearer};

/// Figures for the demo's summary.
pub(super) struct Crowd {
    /// The number of good requests so far.
    pub(super) requests: usize,
    /// How often the gateway called IDCS for them.
    pub(super) identity_provider_calls: usize,
    /// The median latency.
    pub(super) p50: Duration,
}

/// Sends 200 more requests, 8 at a time.
pub(super) fn show(gateway: &Gateway, screen: &Screen, token: &str) -> Result<Crowd, DemoError> {
    const REQUESTS: usize = 200;
    const AT_ONCE: usize = 8;
    screen.title(&format!("{REQUESTS} more requests, {AT_ONCE} at a time"));
    let token = token.to_owned();
    let report = Load::to(&gateway.traefik.url())
        .requests(REQUESTS)
        .concurrency(AT_ONCE)
        .run(move |number| get_with_bearer(&format!("/echo/orders/{number}"), &token));
    expect("good answers under load", &report.with_status(200), &REQUESTS)?;
    expect("calls to IDCS for keys", &gateway.idcs.jwks_calls(), &1)?;
    let token_calls = gateway_token_calls(gateway);
    expect("calls to IDCS for tokens", &token_calls, &1)?;

    screen.plain(&format!(
        "{} × {}   p50 {}, p99 {}, {:.0} per second",
        report.with_status(200),
        screen.status(200),
        milliseconds(report.p50()),
        milliseconds(report.p99()),
        report.per_second(),
    ));
    screen.plain(&format!(
        "IDCS was asked 1 time for keys and {token_calls} time for a token, for {} requests",
        REQUESTS + 1
    ));
    Ok(Crowd {
        requests: REQUESTS + 1,
        identity_provider_calls: gateway.idcs.jwks_calls() + token_calls,
        p50: report.p50(),
    })
}

/// Counts the gateway's own calls, without the client's.
fn gateway_token_calls(gateway: &Gateway) -> usize {
    let requests = gateway.idcs.requests();
    let of_gateway = requests.iter().filter(|request| {
        request.endpoint == Some(Endpoint::Token)
            && request.client_id.as_deref() == Some(Application::GATEWAY_ID)
    });
    of_gateway.count()
}
