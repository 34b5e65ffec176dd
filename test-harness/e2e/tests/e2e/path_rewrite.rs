//! Compares `pathRewrite` with Traefik's own `replacePathRegex`. The same requests pass through both on one Traefik.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

use harness::client::raw;
use harness::gateway::PATH_REWRITE;
use harness::raw_server::serve;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests::Guest;
use serde_json::{Map, Value, json};

/// Recorded by hand from Traefik 3.7.15. `plugins/path-rewrite/tests/traefik_answers.rs` explains the fields.
const CASES: &str = include_str!("../data/rewrite_cases.json");

#[test]
fn every_recorded_case_fares_alike_in_traefiks_own_middleware_or_is_refused_on_purpose() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() > 600, "{}", cases.len());
    let options = |case: &Value| json!({ "regex": case["regex"], "replacement": case["replacement"] });
    // Each distinct block of options gets one middleware of each kind. The host name of a request selects the
    // middleware.
    let mut blocks: Vec<Value> = Vec::new();
    for case in &cases {
        if !blocks.contains(&options(case)) {
            blocks.push(options(case));
        }
    }
    let traefik = Rewriting::start(blocks.iter().enumerate().flat_map(|(index, options)| {
        [
            (format!("theirs-{index}"), json!({ "replacePathRegex": options })),
            (
                format!("ours-{index}"),
                json!({ "plugin": { PATH_REWRITE: options } }),
            ),
        ]
    }));
    let mut wrong = Vec::new();
    for case in &cases {
        let index = blocks.iter().position(|block| *block == options(case)).unwrap();
        let path = case["path"].as_str().unwrap();
        let theirs = &case["expect"];
        let ours = case.get("ours").unwrap_or(theirs);
        for (middleware, expected) in [("theirs", theirs), ("ours", ours)] {
            let got = traefik.ask(&format!("{middleware}-{index}"), path).in_short();
            if got != *expected {
                wrong.push(format!("{case}\n   but {middleware}: {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_first_rule_that_matches_wins_and_the_rest_of_the_request_stays() {
    let traefik = Rewriting::start([(
        "rules".to_owned(),
        json!({ "plugin": { PATH_REWRITE: { "rules": [
            { "regex": "^/orders(/.*)?$", "replacement": "/flows/SALES/ORDERS/1.0$1" },
            { "regex": "^/orders/old", "replacement": "/never" },
            { "regex": "^/(?P<flow>[a-z]+)/v(?P<version>[0-9]+)(?P<rest>/.*)?$", "replacement": "/flows/${flow}/${version}.0$rest" },
        ]}}}),
    )]);
    for (path, target, replaced) in [
        ("/orders", "/flows/SALES/ORDERS/1.0", Some("/orders")),
        ("/orders/old", "/flows/SALES/ORDERS/1.0/old", Some("/orders/old")),
        (
            "/orders/7?a=1&b=%2F..%2F&c",
            "/flows/SALES/ORDERS/1.0/7?a=1&b=%2F..%2F&c",
            Some("/orders/7"),
        ),
        ("/orders?", "/flows/SALES/ORDERS/1.0?", Some("/orders")),
        (
            "/stock/v12/x%20y",
            "/flows/stock/12.0/x%20y",
            Some("/stock/v12/x%20y"),
        ),
        (
            "/stock/v12?q=/orders",
            "/flows/stock/12.0?q=/orders",
            Some("/stock/v12"),
        ),
        ("/other/place?x=/orders", "/other/place?x=/orders", None),
        ("/", "/", None),
    ] {
        let answer = traefik.ask("rules", path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(
            (answer.target(), answer.replaced()),
            (Some(target), replaced),
            "{path}"
        );
        for header in ["X-Mine: kept", "Host: rules"] {
            assert!(
                answer.body.contains(&format!("{header}\r\n")),
                "{path}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_path_of_the_callers_choice_never_leaves_the_replacement() {
    let replace = |regex: &str, replacement: &str| json!({ "plugin": { PATH_REWRITE: { "regex": regex, "replacement": replacement } } });
    let traefik = Rewriting::start([
        ("inside".to_owned(), replace("^/echo(/.*)?$", "/flows/ECHO/1.0$1")),
        ("relative".to_owned(), replace("^/echo/(.*)$", "$1")),
        ("broken".to_owned(), replace("^/echo/(.*)$", "/%$1")),
    ]);
    for (host, path) in [
        ("inside", "/echo/%252e%252e/admin"),
        ("inside", "/echo/..%2fadmin"),
        ("inside", "/echo/..%5cadmin"),
        ("inside", "/echo/..;x/admin"),
        ("inside", "/echo/%c0%ae%c0%ae/admin"),
        ("relative", "/echo/admin"),
        ("broken", "/echo/zz"),
    ] {
        let answer = traefik.ask(host, path);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "urn:oic-gateway:problem:invalid_path",
                "title": "The request path is not valid",
                "status": 400,
                "reason": "invalid_path",
            }),
            "{path}"
        );
    }
    assert_eq!(traefik.ask("inside", "/echo/fine").status, 200);
}

/// A Traefik with one router for each middleware, which the host name selects. The backend answers with the head of the
/// request that it received. It does not use an HTTP library, because a library rejects some targets that Traefik
/// forwards, such as `b` without a slash.
struct Rewriting {
    traefik: Traefik,
}

impl Rewriting {
    fn start(middlewares: impl IntoIterator<Item = (String, Value)>) -> Self {
        let (mut routers, mut blocks) = (Map::new(), Map::new());
        for (name, middleware) in middlewares {
            let router =
                json!({ "rule": format!("Host(`{name}`)"), "middlewares": [&name], "service": "echo" });
            routers.insert(name.clone(), router);
            blocks.insert(name, middleware);
        }
        let server = json!({ "url": format!("http://{}", echo_of_the_head()) });
        let dynamic = json!({ "http": {
            "routers": routers,
            "middlewares": blocks,
            "services": { "echo": { "loadBalancer": { "servers": [server] } } },
        }});
        let plugin = LocalPlugin::new(PATH_REWRITE, Guest::PATH_REWRITE.module_name());
        let traefik = Traefik::builder()
            .plugin(plugin)
            .dynamic(as_traefik_file(&dynamic))
            .start();
        Self {
            traefik: traefik.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    /// Sends `path` unchanged through the middleware `name`. It uses HTTP/1.0, so the body ends with the connection.
    fn ask(&self, name: &str, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.0\r\nHost: {name}\r\nX-Mine: kept\r\n\r\n");
        let answer = raw(self.traefik.address("web").unwrap(), request.as_bytes()).unwrap();
        Answer::parse(&String::from_utf8_lossy(&answer))
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    /// For a 200, this is the head of the request that the backend received.
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Returns the request target that the backend saw.
    fn target(&self) -> Option<&str> {
        self.body
            .strip_prefix("GET ")?
            .split_once(" HTTP/1.1\r\n")
            .map(|(target, _)| target)
    }

    /// Returns the `X-Replaced-Path` that the backend saw.
    fn replaced(&self) -> Option<&str> {
        header_of(&self.body, "x-replaced-path")
    }

    fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.head, name)
    }

    /// Returns the answer in the format of the recorded answers.
    fn in_short(&self) -> Value {
        let mut short = json!({ "status": self.status });
        if self.status == 200 {
            short["target"] = json!(self.target());
            if let Some(replaced) = self.replaced() {
                short["replaced"] = json!(replaced);
            }
        }
        short
    }
}

fn header_of<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Writes JSON as a file that Traefik reads as YAML. Such a file must not contain control characters, and `{{` starts a
/// template. Because the JSON has no spaces, both can only occur inside strings.
fn as_traefik_file(json: &Value) -> String {
    let escape = |character: char| match character {
        '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(character)),
        character => character.to_string(),
    };
    json.to_string()
        .chars()
        .map(escape)
        .collect::<String>()
        .replace("{{", r"\u007b\u007b")
}

/// Starts a backend that answers every request with the exact head of that request.
fn echo_of_the_head() -> SocketAddr {
    serve(|stream| drop(answer_with_heads(&stream)))
}

/// Answers requests until the connection ends.
fn answer_with_heads(stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while reader.read_until(b'\n', &mut head)? > 0 {
        if head.ends_with(b"\r\n\r\n") {
            let mut answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len()).into_bytes();
            answer.append(&mut head);
            let mut stream = stream;
            stream.write_all(&answer)?;
        }
    }
    Ok(())
}
