//! Events and uploads. The receiver sees each piece before the next one is sent.

use std::time::Duration;

use harness::gateway::Gateway;
use harness::oic::numbered;
use harness_build::guests::sha256;
use serde_json::json;

use super::Backend;
use super::caller::{Caller, Protocol};
use crate::support::Deadline;

#[test]
fn every_event_arrives_before_the_next_is_sent() {
    each_pair(|gateway, caller, case| {
        for content_type in ["text/event-stream", "application/x-ndjson"] {
            let mut answer = caller.get(&format!("/echo/events?type={content_type}"));
            assert_eq!(answer.status, 200, "{case}");
            assert_eq!(answer.headers["content-type"], content_type);
            for number in 1..=10 {
                let event = format!("event {number}");
                assert_eq!(gateway.oic.announce(&event), 1, "{case}: number of listeners");
                let piece = answer.piece().unwrap_or_default();
                assert_eq!(piece, format!("data: {event}\n\n"), "{case}");
            }
            gateway.oic.end_events();
            assert_eq!(answer.piece(), None, "{case}");
        }
    });
}

#[test]
fn every_piece_of_an_upload_arrives_before_the_next_is_sent() {
    const SIZES: [u64; 6] = [1, 10, 1000, 3000, 40_000, 100_000];
    each_pair(|gateway, caller, case| {
        let before = gateway.oic.bytes_received();
        let (feed, pending) = caller.post("/echo/upload", &[]);
        let mut sent = 0;
        for size in SIZES {
            feed.data(numbered(sent..sent + size));
            sent += size;
            let deadline = Deadline::after(Duration::from_secs(30));
            while gateway.oic.bytes_received() < before + sent {
                deadline.pause(&format!("{case}: {sent} bytes at the backend"));
            }
        }
        drop(feed);
        let mut answer = pending.answer();
        let seen: serde_json::Value = serde_json::from_slice(&answer.rest()).unwrap();
        assert_eq!(
            seen,
            json!({ "bytes": sent, "sha256": sha256(&numbered(0..sent)) }),
            "{case}"
        );
    });
}

/// Tests every HTTP version in front of Traefik with every version behind it.
fn each_pair(check: impl Fn(&Gateway, &mut Caller, &str)) {
    for backend in Backend::ALL {
        let gateway = backend.gateway();
        for protocol in Protocol::ALL {
            let mut caller = Caller::connect(&gateway, protocol);
            check(&gateway, &mut caller, &format!("{protocol:?} to {backend:?}"));
        }
        assert_eq!(gateway.oic.foreign_tokens_seen(), 0);
    }
}
