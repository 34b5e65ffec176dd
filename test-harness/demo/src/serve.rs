//! Keeps the gateway running and shows how to call it.

use std::io;

use super::screen::Screen;
use harness::gateway::Gateway;
use harness::idcs::{Application, Resource};
use harness::server::runtime;

/// Prints commands to paste into a shell, then waits for Ctrl-C or SIGTERM.
pub(super) fn until_interrupted(gateway: &Gateway, screen: &Screen) -> io::Result<()> {
    screen.title("It keeps running. Paste into another shell:");
    println!();
    for line in lines_to_paste(gateway) {
        println!("{line}");
    }
    println!();
    screen.fact(
        "dashboard",
        &format!("{}/dashboard/", gateway.traefik.api_url()),
        None,
    );
    screen.fact(
        "log",
        &gateway.traefik.dir().join("traefik.log").display().to_string(),
        None,
    );
    screen.fact("state", &gateway.state().display().to_string(), None);
    screen.plain("Ctrl-C ends it and removes its files.");
    runtime().block_on(interruption())
}

fn lines_to_paste(gateway: &Gateway) -> Vec<String> {
    let caller = Application::caller();
    let get_token = format!(
        "TOKEN=$(curl -s --cacert {} -u {}:{} -d grant_type=client_credentials -d scope={} {} \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
        gateway.ca_file().display(),
        caller.client_id,
        caller.client_secret,
        Resource::gateway_api().full_scope("echo"),
        gateway.idcs.token_url(),
    );
    let url = gateway.url("/echo/orders/7?expand=lines");
    vec![
        get_token,
        format!("curl -i -H \"Authorization: Bearer $TOKEN\" '{url}'"),
        format!("curl -i '{url}'   # no token"),
        format!("curl -i -H \"Authorization: Bearer ${{TOKEN}}x\" '{url}'   # a spoilt token"),
    ]
}

async fn interruption() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
