//! Invalid configurations: every request is refused, none reaches a broader router, and the log says what to do. Also
//! secrets: where they may come from, and where they must never appear.

mod mounts;
mod refusals;
mod secrets;

use std::path::Path;

use harness::client::Response;
use harness::gateway::GatewayBuilder;
use harness::oic::Oic;
use serde_json::{Value, json};

use crate::support::plugin_lines;

/// Creates a router `/<name>` for each middleware. Another router without middlewares takes every other path to the
/// same backend, which accepts everything.
fn beside_an_open_router(
    builder: GatewayBuilder,
    middlewares: impl IntoIterator<Item = (String, Value)>,
) -> GatewayBuilder {
    let mut http = json!({ "routers": { "open": { "rule": "PathPrefix(`/`)", "service": "oic" } } });
    for (name, middleware) in middlewares {
        http["routers"][&name] =
            json!({ "rule": format!("PathPrefix(`/{name}`)"), "middlewares": [&name], "service": "oic" });
        http["middlewares"][&name] = middleware;
    }
    builder
        .oic(|idcs| Oic::builder(idcs).strict(false).start())
        .http(http)
}

/// Replaces `<state>` with this folder.
fn in_directory(options: &Value, folder: &Path) -> Value {
    let text = options
        .to_string()
        .replace("<state>", &folder.display().to_string());
    serde_json::from_str(&text).unwrap()
}

/// Asserts the complete answer of a plugin with an invalid configuration.
fn assert_misconfigured(what: &str, answer: &Response) {
    let shown = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_eq!(answer.status, 500, "{shown}");
    let expected = json!({
        "type": "urn:oic-gateway:problem:configuration",
        "title": "The gateway is misconfigured",
        "status": 500,
        "reason": "configuration",
    });
    assert_eq!(answer.json(), expected, "{shown}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{shown}"
    );
    assert_eq!(answer.header("retry-after"), None, "{shown}");
    assert_eq!(answer.header("www-authenticate"), None, "{shown}");
}

/// Returns the log messages of a middleware about its own configuration.
fn complaints(log: &str, middleware: &str) -> Vec<String> {
    let name = format!("{middleware}@file");
    plugin_lines(log)
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["middlewareName"] == *name && line["level"] == "error")
        .filter_map(|line| line["message"].as_str().map(str::to_owned))
        .filter(|message| message.starts_with("code=configuration.refused "))
        .collect()
}

/// The value of every option that may contain a secret.
const SECRET: &str = "hunter2hunter2";
