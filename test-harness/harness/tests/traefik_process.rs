//! Tests of how the harness runs Traefik, without any plugin.

use harness::traefik::{Traefik, TraefikError};
use serde_json::json;

/// A route that answers with a redirect, so that it needs no backend.
fn redirect_to(target: &str) -> String {
    format!(
        r#"
http:
  routers:
    all: {{rule: "PathPrefix(`/`)", middlewares: [away], service: nowhere}}
  middlewares:
    away: {{redirectRegex: {{regex: "^.*$", replacement: "http://{target}/"}}}}
  services:
    nowhere: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:9"}}]}}}}
"#
    )
}

/// Returns the target of the redirect for `GET /` at the entry point.
fn location(traefik: &Traefik) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(traefik.address("web").unwrap()).unwrap();
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: caller\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
        .lines()
        .find_map(|line| line.strip_prefix("Location: "))
        .expect(&answer)
        .to_owned()
}

#[test]
fn a_written_configuration_is_in_force_when_the_call_returns() {
    let mut traefik = Traefik::builder().dynamic(redirect_to("first")).start().unwrap();
    assert_eq!(location(&traefik), "http://first/");
    for round in 0..5 {
        let target = format!("round{round}");
        traefik.write_dynamic(&redirect_to(&target)).unwrap();
        assert_eq!(location(&traefik), format!("http://{target}/"));
    }
    assert!(traefik.api("/api/http/routers/all@file").unwrap()["rule"].is_string());
    assert!(traefik.log().contains("Configuration received"));
}

#[test]
fn several_run_side_by_side() {
    let targets = ["one", "two", "three"];
    let running: Vec<Traefik> = std::thread::scope(|scope| {
        let starting: Vec<_> = targets
            .iter()
            .map(|target| scope.spawn(|| Traefik::builder().dynamic(redirect_to(target)).start().unwrap()))
            .collect();
        starting
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for (traefik, target) in running.iter().zip(targets) {
        assert_eq!(location(traefik), format!("http://{target}/"));
    }
}

#[test]
fn stopped_or_killed_it_is_gone_and_restarted_it_serves_at_the_same_address() {
    let mut traefik = Traefik::builder().dynamic(redirect_to("x")).start().unwrap();
    let url = traefik.url();
    let first = traefik.pid().unwrap();
    assert!(traefik.rss_kib().unwrap() > 1000);
    assert!(traefik.open_fds().unwrap() > 3);

    assert!(traefik.stop().unwrap().success(), "SIGTERM ends it in order");
    assert!(matches!(traefik.pid(), Err(TraefikError::NotRunning)));
    assert!(matches!(traefik.stop(), Err(TraefikError::NotRunning)));
    assert!(std::net::TcpStream::connect(traefik.address("web").unwrap()).is_err());

    traefik.restart().unwrap();
    assert_ne!(traefik.pid().unwrap(), first);
    traefik.kill();
    traefik.restart().unwrap();
    assert_eq!((location(&traefik), traefik.url()), ("http://x/".into(), url));
}

#[test]
fn dropped_it_leaves_neither_process_nor_folder() {
    let traefik = Traefik::builder().start().unwrap();
    let (dir, proc) = (
        traefik.dir().to_path_buf(),
        format!("/proc/{}", traefik.pid().unwrap()),
    );
    drop(traefik);
    assert!(!dir.exists() && !std::path::Path::new(&proc).exists());
}

#[test]
fn an_early_exit_is_reported_with_the_reason() {
    let broken =
        Traefik::builder().static_patch(json!({ "entryPoints": { "web": { "address": "nonsense" } } }));
    match broken.start() {
        Err(TraefikError::EndedEarly { log, .. }) => assert!(log.contains("nonsense"), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plugin_that_is_not_there_stops_the_start() {
    let empty = tempfile::tempdir().unwrap();
    let plugin = harness::traefik::LocalPlugin::new("ghost", "oic-gateway/ghost");
    match Traefik::builder()
        .plugins_from(empty.path())
        .plugin(plugin)
        .start()
    {
        Err(TraefikError::EndedEarly { log, .. }) => assert!(log.contains("ghost"), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn extra_entry_points_and_the_access_log_work() {
    let traefik = Traefik::builder()
        .dynamic(redirect_to("x"))
        .entry_point("second", json!({}))
        .access_log()
        .start()
        .unwrap();
    assert!(traefik.address("second").is_some() && traefik.address("third").is_none());
    location(&traefik);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !traefik.access_log().contains("\"RequestPath\":\"/\"") {
        assert!(std::time::Instant::now() < deadline, "{}", traefik.access_log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
