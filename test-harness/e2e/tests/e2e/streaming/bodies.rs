//! Large bodies arrive complete and in order, and Traefik never holds them in memory.

use harness::gateway::Gateway;
use harness::oic::numbered;
use harness_build::guests::sha256;
use ring::digest::{Context, SHA256, digest};
use serde_json::json;

use super::Backend;
use super::caller::{Caller, Protocol};

const SIZE: u64 = 50_000_000;
const PIECE: u64 = 64 * 1024;
/// The maximum growth of Traefik's memory during a transfer: the part of the body that it holds, and everything else
/// that it allocates.
const GROWTH_KIB: u64 = 24 * 1024;

#[test]
fn fifty_megabytes_pass_both_ways_unchanged_and_unbuffered() {
    let body = numbered(0..SIZE);
    let expected = digest(&SHA256, &body);
    for (backend, protocols) in [
        (Backend::Http1, &[Protocol::Http1][..]),
        (Backend::H2c, &[Protocol::H2c]),
        (Backend::Http2, &[Protocol::Http1, Protocol::Http2]),
    ] {
        let gateway = backend.gateway();
        for &protocol in protocols {
            let case = format!("{protocol:?} to {backend:?}");
            let mut caller = Caller::connect(&gateway, protocol);
            assert!(!caller.get("/echo").rest().is_empty(), "{case}");

            let mut memory = Memory::of(&gateway);
            let (feed, pending) = caller.post("/echo/upload", &[]);
            for piece in body.chunks(usize::try_from(PIECE).unwrap()) {
                feed.data(piece.to_vec());
                memory.look();
            }
            drop(feed);
            let seen: serde_json::Value = serde_json::from_slice(&pending.answer().rest()).unwrap();
            assert_eq!(seen, json!({ "bytes": SIZE, "sha256": sha256(&body) }), "{case}");
            memory.assert_bounded(&format!("{case}, up"));

            let mut memory = Memory::of(&gateway);
            let mut answer = caller.get(&format!("/echo/download?bytes={SIZE}"));
            let (mut hash, mut length) = (Context::new(&SHA256), 0);
            while let Some(piece) = answer.piece() {
                hash.update(&piece);
                length += piece.len();
                memory.look();
            }
            assert_eq!(u64::try_from(length).unwrap(), SIZE, "{case}");
            assert_eq!(hash.finish().as_ref(), expected.as_ref(), "{case}");
            memory.assert_bounded(&format!("{case}, down"));
        }
    }
}

/// Traefik's resident memory during a transfer.
struct Memory<'g> {
    gateway: &'g Gateway,
    before: u64,
    peak: u64,
}

impl<'g> Memory<'g> {
    fn of(gateway: &'g Gateway) -> Self {
        let before = gateway.traefik.rss_kib().unwrap();
        Self {
            gateway,
            before,
            peak: before,
        }
    }

    fn look(&mut self) {
        self.peak = self.peak.max(self.gateway.traefik.rss_kib().unwrap());
    }

    fn assert_bounded(&self, case: &str) {
        let growth = self.peak - self.before;
        println!(
            "{case}: {} KiB before, {growth} KiB more at the peak",
            self.before
        );
        assert!(growth <= GROWTH_KIB, "{case}: Traefik grew by {growth} KiB");
    }
}
