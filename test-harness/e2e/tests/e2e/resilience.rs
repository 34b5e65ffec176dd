//! Bursts, delays and outages that callers should not notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::client::Client;
use harness::faults::Fault;
use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::{Endpoint, Idcs};
use harness::load::{Load, get, get_with_bearer};
use harness::oic::Oic;
use serde_json::json;

use crate::support::plugin_lines;

const ROUTERS: [&str; 4] = ["/a", "/b", "/c", "/d"];

/// Starts a gateway with four routers and without keys and tokens. An additional router, `/plain`, has none of our
/// middlewares.
fn cold(options: serde_json::Value) -> Gateway {
    Gateway::builder()
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .routers(&ROUTERS)
        .jwt(json!({ "clientConfig": options }))
        .oauth(json!({ "clientConfig": options }))
        .http(json!({
            "routers": { "plain": { "rule": "Path(`/plain`)", "entryPoints": ["web"], "service": "noop@internal" } },
        }))
        .start_cold()
}

#[test]
fn a_cold_burst_of_256_on_four_routers_costs_one_key_fetch_and_one_token() {
    assert_that_a_cold_burst_costs_one_fetch_of_each(Gateway::builder());
}

/// Sends 256 requests to four routers of a gateway that has neither keys nor a token.
pub(crate) fn assert_that_a_cold_burst_costs_one_fetch_of_each(builder: GatewayBuilder) {
    let gateway = builder
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .routers(&ROUTERS)
        .start_cold();
    gateway.idcs.answer_after(Duration::from_millis(300));
    let report = gateway.burst(&ROUTERS, 256);
    println!("two fetches of 300 ms in a row: {report}");
    assert!(report.all_have_status(200), "{report}\n{}", gateway.traefik.log());
    let calls = (gateway.idcs.jwks_calls(), gateway.idcs.token_calls());
    assert_eq!(calls, (1, 1), "{report}");
}

#[test]
fn others_are_served_while_256_requests_wait_a_second() {
    let gateway = cold(json!({}));
    gateway.idcs.answer_after(Duration::from_secs(1));
    let url = gateway.url("/plain");
    let over = AtomicBool::new(false);
    let (report, mut plain) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let client = Client::plain();
            let mut latencies = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let begun = Instant::now();
                // The service behind this router answers 418. Any answer is enough here.
                assert_eq!(client.get(&url).send().unwrap().status, 418);
                latencies.push(begun.elapsed());
            }
            latencies
        });
        let report = gateway.burst(&ROUTERS, 256);
        over.store(true, Ordering::SeqCst);
        (report, beside.join().unwrap())
    });
    assert!(report.all_have_status(200), "{report}\n{}", gateway.traefik.log());
    plain.sort_unstable();
    let p99 = plain[plain.len() * 99 / 100];
    println!(
        "waiting: {report}; beside them: {} requests, p99 {p99:?}",
        plain.len()
    );
    assert!(p99 < Duration::from_millis(500), "{p99:?} of {}", plain.len());
}

#[test]
fn more_requests_than_there_are_places_are_refused_at_once() {
    let gateway = cold(json!({ "maxWaitingRequests": 8 }));
    gateway.idcs.answer_after(Duration::from_secs(2));
    let begun = Instant::now();
    let report = gateway.burst(&ROUTERS, 128);
    println!("{report} in {:?}", begun.elapsed());
    assert_eq!(report.with_status(200) + report.with_status(503), 128, "{report}");
    assert!(report.with_status(503) >= 64, "{report}");
    assert!(report.with_status(200) >= 1, "{report}");
    assert!(
        report.percentile(25.0) < Duration::from_millis(1500),
        "refused requests do not wait: {report}"
    );
}

#[test]
fn start_up_during_an_outage_is_delayed_once_and_not_for_every_router() {
    let idcs = Idcs::start();
    idcs.down(Fault::HangInHandshake);
    let paths: Vec<String> = (0..12).map(|number| format!("/route{number}")).collect();
    let begun = Instant::now();
    let gateway = Gateway::in_front_of(idcs)
        .routers(&paths.iter().map(String::as_str).collect::<Vec<_>>())
        .jwt(json!({ "clientConfig": { "timeoutSeconds": 2 } }))
        .oauth(json!({ "clientConfig": { "timeoutSeconds": 2 } }))
        .start();
    let took = begun.elapsed();
    println!("12 routers, keys and token hanging for 2 s each: up after {took:?}");
    // The start takes one timeout for the keys, one for the token, and its own time. One timeout per router would take
    // 48 s.
    assert!(
        took < Duration::from_secs(24),
        "{took:?}\n{}",
        gateway.traefik.log()
    );
    let answer = gateway.get_as_client("/route7").send().unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    gateway.idcs.up();
    let begun = Instant::now();
    while gateway.get_as_client("/route7").send().unwrap().status != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{}",
            gateway.traefik.log()
        );
    }
    println!("served {:?} after the provider's return", begun.elapsed());
}

#[test]
fn an_outage_longer_than_everything_is_usable_ends_in_503_and_recovers() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 3).start();
    let gateway = Gateway::in_front_of(idcs)
        .oauth(json!({ "clientConfig": { "timeoutSeconds": 2 } }))
        .start();
    let token = gateway.idcs.client_token().mint();
    let ask = || gateway.get("/echo").bearer(&token).send().unwrap();
    assert_eq!(ask().status, 200);
    gateway.idcs.down(Fault::Hang);
    let begun = Instant::now();
    let mut refused = 0;
    while refused < 20 {
        let before = Instant::now();
        let answer = ask();
        assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
        assert!(
            before.elapsed() < Duration::from_millis(4000),
            "{:?}",
            before.elapsed()
        );
        refused += usize::from(answer.status == 503);
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the old token is still used"
        );
    }
    gateway.idcs.up();
    let begun = Instant::now();
    while ask().status != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{}",
            gateway.traefik.log()
        );
    }
    println!("served {:?} after the provider's return", begun.elapsed());
    assert_eq!(gateway.oic.expired_tokens_seen(), 0);
}

#[test]
fn a_token_that_the_backend_refuses_is_replaced_once_and_the_answer_passes_unchanged() {
    let gateway = Gateway::start();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 200);
    gateway.oic.revoke_seen_tokens();
    let refused = gateway.get_as_client("/echo").send().unwrap();
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer realm="OIC""#));
    // The answer may reach the client before the plugin has processed it.
    let begun = Instant::now();
    while gateway.get_as_client("/echo").send().unwrap().status != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{}",
            gateway.traefik.log()
        );
    }
    assert_eq!(gateway.idcs.token_calls(), 2);
    // If the backend rejects every token, the gateway does not fetch a new one for every request.
    gateway.oic.revoke_seen_tokens();
    for _ in 0..20 {
        assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 401);
    }
    assert_eq!(gateway.idcs.token_calls(), 2);
}

#[test]
fn traefiks_retry_between_jwt_and_token_hides_a_refused_token() {
    let gateway = Gateway::builder()
        .http(json!({
            "middlewares": { "again": { "retry": { "attempts": 2, "status": ["401"] } } },
            "routers": { "route-0": { "middlewares": ["rewrite", "jwt", "again", "oauth"] } },
        }))
        .start();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 200);
    gateway.oic.revoke_seen_tokens();
    // Instances check for discarded tokens twenty times per second. An instance that has just checked would send the
    // token again.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(
        gateway.get_as_client("/echo").send().unwrap().status,
        200,
        "{}",
        gateway.traefik.log()
    );
    assert_eq!(gateway.idcs.token_calls(), 2);
    // Refusals of the gateway itself are not retried, because the retry middleware comes after jwt.
    assert_eq!(gateway.get("/echo").send().unwrap().status, 401);
}

#[test]
fn a_load_of_forged_tokens_costs_one_key_fetch_an_interval() {
    let gateway = Gateway::builder()
        .jwt(json!({ "refetchIntervalSeconds": 2 }))
        .start();
    let forged = gateway.idcs.client_token().signed_by_another_key().mint();
    let begun = Instant::now();
    let report = Load::to(&gateway.traefik.url())
        .requests(2_000)
        .concurrency(32)
        .run(move |_| get_with_bearer("/echo", &forged));
    assert!(report.all_have_status(401), "{report}");
    let most = 2 + begun.elapsed().as_secs() as usize / 2;
    assert!(
        gateway.idcs.jwks_calls() <= most,
        "{} calls, {report}",
        gateway.idcs.jwks_calls()
    );
    assert_eq!(gateway.oic.requests_count(), 0);
}

#[test]
fn a_plain_request_never_waits_for_a_fetch_that_is_not_its_own() {
    let gateway = cold(json!({}));
    gateway.idcs.down(Fault::Hang);
    // A request without a token is refused before any keys are fetched.
    let begun = Instant::now();
    let report = Load::to(&gateway.traefik.url())
        .requests(200)
        .concurrency(8)
        .run(|_| get("/a"));
    assert!(report.all_have_status(401), "{report}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(gateway.idcs.jwks_calls(), 0);
}

#[test]
fn keys_serve_beyond_their_time_while_the_provider_is_away_and_no_longer_than_allowed() {
    let idcs = Idcs::builder()
        .set(|switches| switches.jwks_cache_header = Some("max-age=2".to_owned()))
        .start();
    let gateway = Gateway::in_front_of(idcs)
        .jwt(json!({ "refetchIntervalSeconds": 1, "maxStaleSeconds": 4 }))
        .start();
    let token = gateway.idcs.client_token().mint();
    let ask = || gateway.get("/echo").bearer(&token).send().unwrap().status;
    assert_eq!(ask(), 200);
    // The plugin fetches keys again when they have expired.
    let begun = Instant::now();
    while gateway.idcs.jwks_calls() < 3 {
        assert_eq!(ask(), 200);
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
    gateway.idcs.down_at(Endpoint::Jwks, Fault::Refuse);
    let last_fetch = Instant::now();
    while last_fetch.elapsed() < Duration::from_secs(5) {
        assert_eq!(ask(), 200, "{:?} after the last fetch", last_fetch.elapsed());
    }
    while ask() == 200 {
        assert!(last_fetch.elapsed() < Duration::from_secs(8));
    }
    assert_eq!(ask(), 503);
    gateway.idcs.up();
    let back = Instant::now();
    while ask() != 200 {
        assert!(back.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn a_reload_during_an_outage_keeps_serving_with_what_is_at_hand() {
    let mut gateway = Gateway::builder().routers(&ROUTERS).start();
    let token = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/a").bearer(&token).send().unwrap().status, 200);
    gateway.idcs.down(Fault::HangInHandshake);
    let dynamic = std::fs::read_to_string(gateway.traefik.dir().join("dynamic/dynamic.yml")).unwrap();
    let begun = Instant::now();
    gateway.traefik.write_dynamic(&dynamic).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for path in ROUTERS {
        assert_eq!(
            gateway.get(path).bearer(&token).send().unwrap().status,
            200,
            "{path}"
        );
    }
}

#[test]
fn an_outage_under_load_costs_few_attempts_and_no_pile_of_threads() {
    let gateway = cold(json!({ "timeoutSeconds": 2, "maxRetries": 0 }));
    gateway.idcs.down(Fault::HangInHandshake);
    let before = gateway.idcs.connections();
    let token = gateway.idcs.client_token().mint();
    let begun = Instant::now();
    let report = Load::to(&gateway.traefik.url())
        .requests(5_000)
        .concurrency(64)
        .run(move |index| get_with_bearer(&format!("{}/x", ROUTERS[index % ROUTERS.len()]), &token));
    assert!(report.all_have_status(503), "{report}");
    let seconds = begun.elapsed().as_secs_f64();
    // The first attempt takes the whole timeout. Each later attempt takes one second, with half a second in between.
    // All four routers share these attempts.
    let most = 2.0 + seconds;
    let attempts = (gateway.idcs.connections() - before) as f64;
    assert!(attempts <= most, "{attempts} attempts in {seconds} s");
    assert!(report.max() < Duration::from_millis(4000), "{report}");
    let threads = threads_of(gateway.traefik.pid().unwrap());
    println!("{report}; {attempts} attempts in {seconds:.1} s; {threads} threads");
    assert!(threads < 100, "{threads}");
}

fn threads_of(process: u32) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.count()
}

#[test]
fn a_provider_whose_name_has_no_address_is_an_outage() {
    let gateway = Gateway::builder()
        .jwt(json!({ "jwksUrl": "https://nowhere.invalid/jwk", "clientConfig": { "maxRetries": 0 } }))
        .start();
    let answer = gateway.get_as_client("/echo").send().unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    let log = gateway.traefik.log();
    assert!(
        plugin_lines(&log)
            .any(|line| line.contains("code=fetch.failed") && line.contains("the host name has no address")),
        "{log}"
    );
}
