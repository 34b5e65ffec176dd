//! What happens to response headers that a guest sets before the request reaches the backend.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

use harness::client::{Client, Response};
use harness::raw_server::serve;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests;
use serde_json::json;

use crate::probes::{Form, lay_out};

/// Starts a backend whose answer depends on the path of the request. It serves one request per connection until the
/// process ends.
fn backend() -> SocketAddr {
    serve(|connection| {
        let _ = answer(connection); // a connection that breaks off gets nothing
    })
}

fn answer(connection: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
    let request_line = lines.next()?.ok()?;
    lines
        .find(|line| line.as_ref().is_ok_and(String::is_empty))?
        .ok()?;
    let path = request_line.split(' ').nth(1)?;
    let own =
        "Cache-Control: public\r\nSet-Cookie: theirs=3\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let text = match path.rsplit('/').next()? {
        "early-hints" => format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n{own}"),
        "broken" => format!("HTTP/1.1 502 Bad Gateway\r\n{own}"),
        _ => format!("HTTP/1.1 200 OK\r\n{own}"),
    };
    (&connection).write_all(text.as_bytes()).ok()
}

/// Returns all values of a header in order.
fn values<'a>(answer: &'a Response, name: &str) -> Vec<&'a str> {
    let all = answer.headers.get_all(name);
    all.iter().filter_map(|value| value.to_str().ok()).collect()
}

#[test]
fn headers_set_before_the_backend_reach_the_client_but_not_after_a_1xx_or_past_errors_and_retry() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), "early", "probe-response-headers", Form::Lowered);
    let backend = backend();
    let router = |path: &str, middlewares: &[&str]| json!({ "rule": format!("PathPrefix(`/{path}`)"), "middlewares": middlewares, "service": "backend" });
    let dynamic = json!({ "http": {
        "routers": {
            "alone": router("alone", &["early"]),
            "errors": router("errors", &["early", "errors"]),
            "retry": router("retry", &["early", "retry"]),
            "compress": router("compress", &["early", "compress"]),
        },
        "middlewares": {
            "early": { "plugin": { "early": {} } },
            "errors": { "errors": { "status": ["500-599"], "service": "backend", "query": "/page" } },
            "retry": { "retry": { "attempts": 2 } },
            "compress": { "compress": {} },
        },
        "services": { "backend": { "loadBalancer": { "servers": [{ "url": format!("http://{backend}") }] } } },
    }});
    let traefik = Traefik::builder()
        .plugins_from(folder.path())
        .plugin(LocalPlugin::new("early", guests::probe_module("early")))
        .dynamic(dynamic.to_string())
        .start()
        .unwrap();
    let client = Client::plain();
    let get = |path: &str| client.get(&format!("{}{path}", traefik.url())).send().unwrap();

    let (ours, theirs) = (["first=1", "second=2"], "theirs=3");
    let all = [ours[0], ours[1], theirs];
    for (path, cookies, cache_control) in [
        ("/alone/plain", &all[..], &["no-store", "public"][..]),
        ("/alone/broken", &all, &["no-store", "public"]),
        ("/compress/plain", &all, &["no-store", "public"]),
        // The headers are in the 103 response and missing from the final answer.
        ("/alone/early-hints", &[theirs], &["public"]),
        // The error page replaces the whole answer.
        ("/errors/broken", &[theirs], &["public"]),
        // The backend's headers of the same names replace them.
        ("/retry/plain", &[theirs], &["public"]),
    ] {
        let answer = get(path);
        assert_eq!(
            (values(&answer, "set-cookie"), values(&answer, "cache-control")),
            (cookies.to_vec(), cache_control.to_vec()),
            "{path}: {} {}\n{}",
            answer.status,
            answer.text(),
            traefik.log()
        );
    }
}
