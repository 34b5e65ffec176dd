//! Trailer fields (RFC 9110 section 6.5). Traefik forwards those of responses. It drops those of requests with or
//! without plugins, so the test only checks that plugins make no difference.

use harness::gateway::INTEGRATION;
use harness_build::guests::sha256;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::Backend;
use super::caller::{Caller, Protocol};

#[test]
fn trailers_pass_as_far_as_they_pass_traefik_alone() {
    for backend in Backend::ALL {
        let gateway = backend.gateway();
        for protocol in Protocol::ALL {
            let case = format!("{protocol:?} to {backend:?}");
            let through_plugins = exchange(Caller::connect(&gateway, protocol), "/echo");
            let alone = exchange(Caller::of_the_backend(&gateway, protocol), INTEGRATION);
            assert_eq!(through_plugins, alone, "{case}");
            assert_eq!(through_plugins.1, Some(sha256(BODY.as_bytes())), "{case}");
        }
    }
}

/// Returns the trailer that the backend saw, and the one that came back.
fn exchange(mut caller: Caller, path: &str) -> (Option<String>, Option<String>) {
    let headers = [("te", "trailers"), ("trailer", "x-note")];
    let (feed, pending) = caller.post(&format!("{path}/trailers"), &headers);
    feed.data(BODY);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-note", HeaderValue::from_static("read this last"));
    feed.trailers(trailers);
    let mut answer = pending.answer();
    let seen: Value = serde_json::from_slice(&answer.rest()).unwrap_or_default();
    let sent_back = answer.trailers.unwrap_or_default();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    (
        seen["trailers"]["x-note"].as_str().map(str::to_owned),
        sent_back.get("x-body-sha256").map(text),
    )
}

const BODY: &str = "hello";
