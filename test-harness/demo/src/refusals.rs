//! Requests that are refused, and a good one that is served while IDCS is down.

use super::checked::{DemoError, answer, expect};
use super::screen::Screen;
use harness::faults::Fault;
use harness::gateway::Gateway;

/// Shows one of each kind.
pub(super) fn show(gateway: &Gateway, screen: &Screen, token: &str) -> Result<(), DemoError> {
    screen.title("What is refused");
    let minted = || gateway.idcs.client_token();
    let callers = [
        ("no token", None, 401, "missing_token"),
        (
            "signed by somebody else",
            Some(minted().signed_by_another_key().mint()),
            401,
            "invalid_token",
        ),
        (
            "expired an hour ago",
            Some(minted().expired().mint()),
            401,
            "invalid_token",
        ),
        (
            "for another API (aud)",
            Some(minted().audience("https://other.example.com/").mint()),
            401,
            "invalid_token",
        ),
        (
            "without the scope echo",
            Some(minted().scope("orders.read").mint()),
            403,
            "insufficient_scope",
        ),
    ];
    let before = gateway.oic.requests_count();
    for (who, token, status, reason) in callers {
        let request = gateway.get("/echo/orders/7");
        let request = match &token {
            Some(token) => request.bearer(token),
            None => request,
        };
        let answer = answer("Traefik", request)?;
        expect(who, &answer.status, &status)?;
        expect(who, &answer.json()["reason"].as_str(), &Some(reason))?;
        screen.plain(&format!(
            "{who:<26} {} {reason:<20} {}",
            screen.status(status),
            answer.header("www-authenticate").unwrap_or_default()
        ));
    }
    expect(
        "refused requests at OIC",
        &(gateway.oic.requests_count() - before),
        &0,
    )?;

    gateway.idcs.down(Fault::Refuse);
    let answer = answer("Traefik", gateway.get("/echo/orders/7").bearer(token))?;
    gateway.idcs.up();
    expect("a good token while IDCS is down", &answer.status, &200)?;
    screen.plain(&format!(
        "{:<26} {} served with the keys and the token at hand",
        "a good one, IDCS down",
        screen.status(answer.status)
    ));
    Ok(())
}
