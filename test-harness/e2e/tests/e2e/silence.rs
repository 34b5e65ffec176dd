//! Measures how long one request can block all others. A guest that computes cannot be interrupted, and Go waits for it
//! before it collects garbage; see docs/traefik-wasm-notes.md.
//!
//! Processors and load differ, so the test does not limit the time. Unit tests check how the work is divided. This test
//! shows that requests of every size that Traefik accepts get an answer, and prints how long other requests were
//! blocked:
//!
//! ```text
//! cargo test -p e2e --test e2e silence -- --nocapture
//! ```

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::client::raw;
use harness::gateway::{
    BASIC_CREDENTIALS, GATEWAY, JWT, OAUTH_CLIENT_CREDENTIALS, OAUTH_INTROSPECTION, PATH_REWRITE,
};
use harness::keys::{Algorithm, SigningKey};
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests::Guest;
use serde_json::{Value, json};

/// Runs `task` while other clients call an address without a router and while garbage is produced. Returns the result
/// of the task, and the longest time that such a call took.
pub(crate) fn longest_silence<T>(traefik: SocketAddr, task: impl FnOnce() -> T) -> (T, Duration) {
    let (is_over, longest) = (AtomicBool::new(false), AtomicU64::new(0));
    let ask_until_over = |request: Vec<u8>, longest: &AtomicU64| {
        let mut stream = TcpStream::connect(traefik).unwrap();
        while !is_over.load(Ordering::Relaxed) {
            let start = Instant::now();
            ask_nobody(&mut stream, &request);
            let took = u64::try_from(start.elapsed().as_micros()).unwrap();
            longest.fetch_max(took, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let plain = b"GET /nobody HTTP/1.1\r\nHost: nobody\r\n\r\n".to_vec();
    let header = "x".repeat(200_000);
    let garbage = format!("GET /nobody HTTP/1.1\r\nHost: nobody\r\nX-Garbage: {header}\r\n\r\n").into_bytes();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| ask_until_over(plain, &longest));
        scope.spawn(|| ask_until_over(garbage, &AtomicU64::new(0)));
        std::thread::sleep(Duration::from_millis(20));
        let outcome = task();
        std::thread::sleep(Duration::from_millis(20));
        is_over.store(true, Ordering::Relaxed);
        outcome
    });
    (outcome, Duration::from_micros(longest.into_inner()))
}

/// Sends a request that Traefik itself answers with 404, and reads the answer.
fn ask_nobody(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).unwrap();
    let (mut answer, mut chunk) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"404 page not found\n") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
}

const SECRET: &str = "a secret of 32 bytes or even more";

/// The status of a request that passes the plugin. Traefik's service `noop@internal` answers it.
const PASSED: u16 = 418;

/// How often each request is sent; the best figures count.
const ATTEMPTS: usize = 3;

struct Case {
    what: &'static str,
    host: &'static str,
    target: String,
    headers: String,
    body: String,
    status: u16,
    /// Whether each attempt has a router of its own, with its own instance and state.
    is_fresh: bool,
}

impl Case {
    fn new(what: &'static str, host: &'static str, status: u16) -> Self {
        Self {
            what,
            host,
            target: "/".to_owned(),
            headers: String::new(),
            body: String::new(),
            status,
            is_fresh: false,
        }
    }

    /// Gives each attempt a router of its own, because an attempt would find results of the one before.
    fn fresh(self) -> Self {
        Self {
            is_fresh: true,
            ..self
        }
    }

    fn target(self, target: String) -> Self {
        Self { target, ..self }
    }

    fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    fn bearer(self, token: &str) -> Self {
        self.header(&format!("Authorization: Bearer {token}"))
    }

    fn bytes(&self, attempt: usize) -> Vec<u8> {
        let Self {
            host,
            target,
            headers,
            body,
            is_fresh,
            ..
        } = self;
        let host = match is_fresh {
            true => format!("{host}-{attempt}"),
            false => (*host).to_owned(),
        };
        let method = if body.is_empty() { "GET" } else { "POST" };
        let form = match body.len() {
            0 => String::new(),
            length => {
                format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n")
            }
        };
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}{form}\r\n{body}"
        )
        .into_bytes()
    }
}

fn token(claims: &Value) -> String {
    let key = SigningKey::hmac(SECRET.as_bytes());
    key.sign(Algorithm::HS256, r#"{"alg":"HS256"}"#, &claims.to_string())
}

/// Returns claims that pass, with these additional ones.
fn claims(more: &[(&str, Value)]) -> Value {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({ "exp": now + 600, "scope": "read", "sub": "jane", "groups": ["a"] });
    for (name, value) in more {
        claims[*name] = value.clone();
    }
    claims
}

/// Returns up to `most` headers whose names a backend may treat as `X-A-B-C-D`.
fn aliases(most: usize) -> String {
    const SEPARATORS: &str = "!#$%&'*+.^_`|~";
    let (mut names, mut count) = (String::new(), 0);
    for one in SEPARATORS.chars() {
        for two in SEPARATORS.chars() {
            for three in SEPARATORS.chars() {
                for four in SEPARATORS.chars() {
                    if count == most {
                        return names;
                    }
                    count += 1;
                    names.push_str(&format!("X{one}A{two}B{three}C{four}D: x\r\n"));
                }
            }
        }
    }
    names
}

fn cases() -> Vec<Case> {
    let good = token(&claims(&[]));
    let many_headers: String = (0..60_000).map(|index| format!("x{index}: y\r\n")).collect();
    let fields = "a&".repeat(450_000);
    vec![
        Case::new("path of 900 KB", "readme", 400).target(format!("/{}", "a".repeat(900_000))),
        Case::new("path of 6 KB", "readme", PASSED).target(format!("/{}", "a".repeat(5990))),
        Case::new("3 KB for an expression for UUIDs", "uuid", PASSED)
            .target(format!("/{}", "a".repeat(3000))),
        Case::new("12 KB for c(.*d)?", "quadratic", 400).target(format!("/{}", "c".repeat(12_000))),
        Case::new("8 KB for c(.*d)?", "quadratic", 400).target(format!("/{}", "c".repeat(8000))),
        Case::new("the longest path for \\w{1,64}@", "wide", PASSED).target(format!("/{}", "a".repeat(1190))),
        Case::new("the longest path for \\w{1,500}@", "wider", PASSED)
            .target(format!("/{}", "a".repeat(140))),
        Case::new("query of 900 KB behind a short path", "readme", PASSED)
            .target(format!("/hr/v1?{}", "q".repeat(900_000))),
        Case::new("Authorization of 900 KB", "jwt", 401).bearer(&"a".repeat(900_000)),
        Case::new("token of 900 KB, 400,000 lists", "jwt", 401).bearer(&format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
            URL_SAFE_NO_PAD.encode(format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(220_000)))
        )),
        Case::new("genuine token, 19,000 groups", "jwt", PASSED)
            .bearer(&token(&claims(&[("groups", json!(vec!["bbbbbbbb"; 19_000]))]))),
        Case::new("genuine token, 300,000 scopes", "jwt", PASSED).bearer(&token(&claims(&[(
            "scope",
            json!(format!("read {}", "a ".repeat(300_000))),
        )]))),
        Case::new("genuine token, claim of 600 KB", "jwt", PASSED)
            .bearer(&token(&claims(&[("text", json!("ab".repeat(300_000)))]))),
        Case::new("60,000 headers", "jwt", PASSED)
            .bearer(&good)
            .header(many_headers.trim_end()),
        Case::new("35,000 aliases of a claim's header", "jwt", PASSED)
            .bearer(&good)
            .header(aliases(35_000).trim_end()),
        Case::new("path of 900 KB, 450,000 segments", "jwt", 400)
            .bearer(&good)
            .target("/a".repeat(450_000)),
        Case::new("query of 900 KB, 450,000 fields", "jwt", 401).target(format!("/?{fields}")),
        Case::new("the same with a good token", "jwt", PASSED)
            .bearer(&good)
            .target(format!("/?{fields}")),
        Case {
            body: "a&".repeat(500_000),
            ..Case::new("form of 1 MB, 500,000 fields", "jwt", 401)
        },
        Case::new("35,000 aliases, through the plugin gateway", "gateway", PASSED)
            .bearer(&good)
            .header(aliases(35_000).trim_end()),
        Case::new("Cookie of 900 KB, 450,000 cookies", "introspection", 401)
            .header(&format!("Cookie: {}", "a;".repeat(450_000))),
        Case::new("Authorization of 900 KB", "basic", 400)
            .header(&format!("Authorization: Basic {}", "A".repeat(900_000))),
        Case::new("30,000 Authorization headers", "basic", 400)
            .header("Authorization: Basic YTpi\r\n".repeat(30_000).trim_end()),
        // The provider is not reachable, but the gateway signs the assertion before it notices that.
        Case::new("assertion signed with P-256", "p256", 503).fresh(),
        Case::new("assertion signed with RSA, 2048 bits", "rsa2048", 503).fresh(),
        Case::new("assertion signed with RSA, 4096 bits", "rsa4096", 503).fresh(),
    ]
}

/// Returns options whose rules read the whole token and the whole request.
fn jwt_options() -> Value {
    let rules: Vec<Value> = (0..63)
        .map(|index| {
            json!({ "path": format!("/rule-{index}/**"), "anyScope": [format!("s{index}"), "other"],
                "claims": "Contains(`groups`, `aaaaaaaa`) || Contains(`text`, `abc`)" })
        })
        .chain([json!({ "path": "/**", "anyScope": ["read"] })])
        .collect();
    json!({
        "signingSecret": SECRET, "maxTokenBytes": 1_048_576, "tokenKey": "t", "authorize": rules,
        "forwardHeaders": { "X-A-B-C-D": "sub" }, "requireExp": true,
    })
}

/// Returns the options of a gateway that authenticates with an assertion. It signs the assertion before it connects.
fn signing(key: &SigningKey, client: &str) -> Value {
    json!({ OAUTH_CLIENT_CREDENTIALS: {
        "url": "https://127.0.0.1:1/token", "clientID": client, "tokenEndpointAuthMethod": "private_key_jwt",
        "clientAssertion": { "key": key.private_pem() },
    } })
}

fn start(state: &Path) -> Traefik {
    let rewrite = |regex: &str| json!({ PATH_REWRITE: { "regex": regex, "replacement": "/new" } });
    let plugins = [
        (
            "readme",
            rewrite("^/(?P<flow>[a-z]+)/v(?P<version>[0-9]+)(?P<rest>/.*)?$"),
        ),
        (
            "uuid",
            rewrite("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        ),
        ("quadratic", rewrite("c(.*d)?")),
        ("wide", rewrite(r"\w{1,64}@")),
        ("wider", rewrite(r"\w{1,500}@")),
        ("jwt", json!({ JWT: jwt_options() })),
        (
            "gateway",
            json!({ GATEWAY: { "jwt": jwt_options(), "pathRewrite": { "regex": "^/old", "replacement": "/new" } } }),
        ),
        (
            "introspection",
            json!({ OAUTH_INTROSPECTION: {
                "clientConfig": { "url": "https://127.0.0.1:1/introspect" }, "clientID": "a", "clientSecret": "b",
                "tokenSource": { "cookie": "session" },
            } }),
        ),
        ("basic", json!({ BASIC_CREDENTIALS: {} })),
    ];
    let signing_keys = [
        ("p256", SigningKey::p256()),
        ("rsa2048", SigningKey::rsa_cached(2048, 810_000)),
        ("rsa4096", SigningKey::rsa_cached(4096, 810_001)),
    ];
    let fresh = signing_keys.iter().flat_map(|(name, key)| {
        (0..ATTEMPTS).map(move |attempt| {
            (
                format!("{name}-{attempt}"),
                signing(key, &format!("{name}-{attempt}")),
            )
        })
    });
    let plugins = plugins.map(|(name, plugin)| (name.to_owned(), plugin));
    let (mut routers, mut middlewares) = (json!({}), json!({}));
    for (name, plugin) in plugins.into_iter().chain(fresh) {
        routers[&name] = json!({
            "rule": format!("Host(`{name}`)"), "middlewares": [&name], "service": "noop@internal",
        });
        middlewares[name] = json!({ "plugin": plugin });
    }
    let dynamic = json!({ "http": { "routers": routers, "middlewares": middlewares } }).to_string();
    let guests = [
        (PATH_REWRITE, Guest::PATH_REWRITE),
        (JWT, Guest::JWT),
        (GATEWAY, Guest::GATEWAY),
        (OAUTH_INTROSPECTION, Guest::OAUTH_INTROSPECTION),
        (BASIC_CREDENTIALS, Guest::BASIC_CREDENTIALS),
        (OAUTH_CLIENT_CREDENTIALS, Guest::OAUTH_CLIENT_CREDENTIALS),
    ];
    let mut builder = Traefik::builder().dynamic(dynamic.replace("{{", r"\u007b\u007b"));
    for (name, guest) in guests {
        builder = builder.plugin(LocalPlugin::new(name, guest.module_name()).mount(state));
    }
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn requests_of_every_size_are_answered_and_others_served_meanwhile() {
    let state = tempfile::tempdir().unwrap();
    let traefik = start(state.path());
    let address = traefik.address("web").unwrap();
    let idle = (0..3).map(|_| longest_silence(address, || std::thread::sleep(Duration::from_millis(100))).1);
    println!(
        "| plugin | one request | answer | it took | longest silence |\n| --- | --- | --- | --- | --- |"
    );
    println!("| – | none | – | – | {} ms |", idle.min().unwrap().as_millis());
    let mut wrong = Vec::new();
    for case in cases() {
        // The first request also creates the instance.
        let mut best = (Duration::MAX, Duration::MAX);
        for attempt in 0..ATTEMPTS {
            let request = case.bytes(attempt);
            let start = Instant::now();
            let ((answer, took), silence) = longest_silence(address, || {
                let answer = raw(address, &request).unwrap_or_default();
                (answer, start.elapsed())
            });
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let status: u16 = answer
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0);
            if status != case.status {
                wrong.push(format!("{} ({}): {answer:.400}", case.what, case.host));
            }
            best = (best.0.min(took), best.1.min(silence));
        }
        println!(
            "| {} | {} | {} | {} ms | {} ms |",
            case.host,
            case.what.replace('|', "\\|"),
            case.status,
            best.0.as_millis().saturating_sub(20),
            best.1.as_millis()
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
