//! `cargo demo`: follows one request through the gateway, step by step, for people to watch.
//!
//! In scope: starting the gateway with the harness, showing what really goes in and out of every step, and checking it:
//! the demo fails if it sees anything else than it should. Out of scope: tests, which are in
//! `test-harness/e2e/tests/e2e`.

mod checked;
mod crowd;
mod refusals;
mod screen;
mod serve;
mod sights;
mod walk;

use std::error::Error;
use std::time::Instant;

use serde_json::json;

use self::checked::DemoError;
use self::screen::{Screen, milliseconds};
use harness::gateway::Gateway;
use harness::idcs::Resource;
use harness_build::guests::{self, Artifacts, Guest};
use harness_build::tools::{self, TRAEFIK_VERSION};
use launch::progress::during;

/// Runs the demo. With `serve`, the gateway keeps running until it is interrupted.
pub fn run(serve: bool) -> Result<(), Box<dyn Error>> {
    speak_plainly();
    let screen = Screen::of_stdout();
    let gateway = start(&screen)?;
    let shown = show(&gateway, &screen);
    if shown.is_err() {
        eprintln!("{}", tools::last_lines(&warnings(&gateway), 10));
    }
    if serve {
        serve::until_interrupted(&gateway, &screen)?;
    }
    Ok(shown?)
}

/// Prints panics of the harness without a backtrace. Their messages say what to do, and a backtrace would bury them.
fn speak_plainly() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload().downcast_ref::<String>();
        eprintln!("error: {}", message.map_or("the demo failed", String::as_str));
    }));
}

/// Downloads and builds what is missing, then starts the three servers.
fn start(screen: &Screen) -> Result<Gateway, Box<dyn Error>> {
    screen.title(&format!(
        "A real Traefik {TRAEFIK_VERSION} with the three plugins, between a mock IDCS and a mock OIC"
    ));
    let since = Instant::now();
    during("fetching Traefik", tools::traefik)?;
    let plugins = during("compiling the plugins", plugins)?;
    screen.fact("plugins", &sizes(&plugins), Some(since.elapsed()));

    let since = Instant::now();
    let caller_api = Resource::gateway_api();
    let gateway = during("making keys, starting Traefik", || {
        Gateway::builder()
            .jwt(json!({ "audiences": [caller_api.primary_audience], "requiredScopes": ["echo"] }))
            .http(json!({ "routers": { "route-0": { "middlewares": ["jwt", "oauth", "rewrite"] } } }))
            .traefik(|traefik| traefik.access_log())
            .start()
    });
    screen.fact("traefik", &gateway.traefik.url(), Some(since.elapsed()));
    screen.fact("mock IDCS", &gateway.idcs.url(), None);
    screen.fact("mock OIC", &gateway.oic.url(), None);
    Ok(gateway)
}

fn show(gateway: &Gateway, screen: &Screen) -> Result<(), DemoError> {
    walk::before_the_first_request(gateway, screen)?;
    let token = walk::one_request(gateway, screen)?;
    let crowd = crowd::show(gateway, screen, &token)?;
    refusals::show(gateway, screen, &token)?;

    screen.title("What you saw");
    screen.plain("1. The client's token ends at Traefik; OIC only ever sees the gateway's own.");
    screen.plain(&format!(
        "2. {} requests cost {} calls to IDCS; half of them took less than {}.",
        crowd.requests,
        crowd.identity_provider_calls,
        milliseconds(crowd.p50)
    ));
    screen.plain("3. What is not right ends at Traefik, with a reason; none of it reached OIC.");
    Ok(())
}

/// Builds the plugins of the demo, in the same form as a release.
pub fn plugins() -> Result<Artifacts, guests::GuestError> {
    guests::artifacts_of(&SHOWN)
}

/// The plugins that a request passes in the demo.
pub const SHOWN: [Guest; 3] = [Guest::JWT, Guest::OAUTH_CLIENT_CREDENTIALS, Guest::PATH_REWRITE];

/// Formats `jwt 712 KiB, ...`: each plugin, by its name in Traefik's configuration, with the size of its file.
fn sizes(plugins: &Artifacts) -> String {
    let size = |guest: &Guest| Some((guest.name, plugins.report(guest)?.size));
    let parts: Vec<String> = Guest::ALL
        .iter()
        .filter_map(size)
        .map(|(name, size)| format!("{name} {} KiB", size.div_ceil(1024)))
        .collect();
    parts.join(", ")
}

/// Returns the lines of Traefik's log that may explain a failure.
fn warnings(gateway: &Gateway) -> String {
    let is_telling = |line: &&str| line.contains(r#""level":"warn""#) || line.contains(r#""level":"error""#);
    let log = gateway.traefik.log();
    log.lines().filter(is_telling).collect::<Vec<_>>().join("\n")
}
