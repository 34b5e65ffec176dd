//! `examples/observability` without changes: the contents of the access log, the metrics and the traces.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::idcs::{Application, Idcs};
use harness::oic::Oic;
use harness::raw_server::serve;
use harness::traefik::Traefik;
use serde_json::{Value, json};

use crate::support::Deadline;
use crate::support::example::{Names, text_of};

#[test]
fn the_access_log_names_the_caller_and_the_reason_and_the_dashboards_metrics_are_there() {
    let (idcs, authority) = (Idcs::start(), CertificateAuthority::shared());
    let oic = Oic::start(&idcs);
    let (collector, traces) = collector();
    let files = tempfile::tempdir().unwrap();
    let ca = authority.write_ca_pem(files.path()).unwrap();
    let access_log = files.path().join("access.log");
    let names = Names::of(&idcs, &oic)
        .with("/var/lib/traefik-oic", files.path().display().to_string())
        .with("/var/log/traefik/access.log", access_log.display().to_string())
        .with("http://127.0.0.1:4318", &*collector)
        .with("sampleRate: 0.1", "sampleRate: 1.0")
        // This adds the mocks' authority.
        .with(
            "- OIC_CLIENT_ID\n",
            "- OIC_CLIENT_ID\n          - SSL_CERT_FILE\n",
        );
    let changed = |file: &str| names.put_into(&example(file));
    let gateway = Application::gateway();
    let traefik = Traefik::builder()
        .static_yaml(changed("traefik.yml"))
        .dynamic(changed("dynamic.yml"))
        .env("SSL_CERT_FILE", ca.display().to_string())
        .env("OIC_CLIENT_ID", gateway.client_id)
        .env("OIC_CLIENT_SECRET", gateway.client_secret)
        .start()
        .unwrap();
    let port = traefik.address("websecure").unwrap().port();
    let client = Client::with(|builder| builder.danger_accept_invalid_certs(true));
    let call = |path: &str| {
        let request = client.get(&format!("https://127.0.0.1:{port}{path}"));
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        request.header("traceparent", trace).header("x-client", "forged")
    };
    let token = idcs.client_token().claim("sub", "jane").mint();
    assert_eq!(call("/echo/good").bearer(&token).send().unwrap().status, 200);
    let seen = oic.last_request().unwrap();
    assert!(
        seen.header("traceparent")
            .unwrap()
            .contains("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    let expired = idcs.client_token().expired().mint();
    assert_eq!(call("/echo/expired").bearer(&expired).send().unwrap().status, 401);
    assert_eq!(call("/echo/none").send().unwrap().status, 401);

    let line = |path: &str| {
        let deadline = Deadline::after(Duration::from_secs(20));
        loop {
            let log = fs::read_to_string(&access_log).unwrap_or_default();
            if let Some(line) = log.lines().find(|line| line.contains(&format!("\"{path}\""))) {
                return serde_json::from_str::<Value>(line).unwrap();
            }
            deadline.pause("the request is in the access log");
        }
    };
    let good = line("/echo/good");
    for (field, expected) in [
        ("request_X-Forwarded-User", json!("jane")),
        ("request_X-Client", json!(Application::CALLER_ID)),
        ("request_X-Tenant", json!(idcs.tenant())),
        ("downstream_X-Oic-Gateway-Reason", Value::Null),
        ("DownstreamStatus", json!(200)),
    ] {
        assert_eq!(good[field], expected, "{field}: {good:#}");
    }
    assert!(good["Overhead"].as_i64().unwrap() > 0, "{good:#}");
    for (path, reason) in [
        ("/echo/expired", "invalid_token"),
        ("/echo/none", "missing_token"),
    ] {
        let refused = line(path);
        assert_eq!(refused["downstream_X-Oic-Gateway-Reason"], reason, "{refused:#}");
        assert_eq!(refused["DownstreamStatus"], 401);
    }
    let log = fs::read_to_string(&access_log).unwrap();
    assert!(!log.contains(&token) && !log.contains("Bearer"), "{log}");

    let address = traefik.address("metrics").unwrap();
    let metrics = Client::plain()
        .get(&format!("http://{address}/metrics"))
        .send()
        .unwrap()
        .text();
    for name in metrics_of_the_dashboard() {
        assert!(
            metrics.contains(&format!("\n{name}")),
            "metric {name} does not exist"
        );
    }
    assert!(metrics.contains(r#"router="echo@file""#), "{metrics}");

    let deadline = Deadline::after(Duration::from_secs(20));
    let mut received = Vec::new();
    while !contains(&received, b"oic-gateway") || !contains(&received, b"/echo/good") {
        received.extend(traces.try_recv().unwrap_or_default());
        deadline.pause("the collector has the spans");
    }
}

/// Starts an endpoint that accepts all traces. They arrive in the channel.
fn collector() -> (String, Receiver<Vec<u8>>) {
    let (sender, received) = channel();
    let address = serve(move |mut stream| {
        let (mut request, mut piece) = (Vec::new(), [0; 65536]);
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            request.extend_from_slice(&piece[..count]);
            if request.ends_with(b"\r\n0\r\n\r\n") {
                let _ = sender.send(spans(&request));
                request.clear();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    (format!("http://{address}"), received)
}

/// Returns the body of a request, after decoding its chunks and its compression.
fn spans(request: &[u8]) -> Vec<u8> {
    let split = |bytes: &[u8], at: &[u8]| {
        let found = bytes.windows(at.len()).position(|window| window == at).unwrap();
        (bytes[..found].to_vec(), bytes[found + at.len()..].to_vec())
    };
    let (_, mut rest) = split(request, b"\r\n\r\n");
    let mut packed = Vec::new();
    loop {
        let (size, after) = split(&rest, b"\r\n");
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        packed.extend_from_slice(&after[..size]);
        rest = after[size + 2..].to_vec();
    }
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_end(&mut body)
        .unwrap();
    body
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn example(file: &str) -> String {
    text_of(&format!("observability/{file}"))
}

/// Returns the names of all metrics in the dashboard's queries.
fn metrics_of_the_dashboard() -> BTreeSet<String> {
    let dashboard: Value = serde_json::from_str(&example("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut names = BTreeSet::new();
    for query in queries {
        let words = query["expr"].as_str().unwrap();
        let words = words.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        let is_metric = |word: &&str| {
            ["traefik_", "process_", "go_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        };
        names.extend(words.filter(is_metric).map(str::to_owned));
    }
    assert!(names.len() >= 6, "{names:?}");
    names
}
