//! Requests, each with the answer that its client expects.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::Value;

use super::connection::Response;
use super::expectation::{Answer, Kind};
use super::wallet::Wallet;
use harness::idcs::Application;
use harness::oic::token_hash;

/// A request and the answer that it expects.
pub(super) struct Prepared {
    /// Its name in the report.
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) request: Request<Full<Bytes>>,
    /// Whether its latency counts. False where the backend is slow on purpose.
    pub(super) is_timed: bool,
    echo: Echo,
}

/// What the backend must see of a good request.
struct Echo {
    id: String,
    original_path: String,
    path: String,
    query: Option<String>,
    body: String,
    /// SHA-256 of the client's own token, which must not reach the backend.
    own_token: String,
}

/// The gateway's routes. All have the same middlewares.
pub(super) const ROUTES: [&str; 4] = ["/orders", "/stock", "/customers", "/echo"];

/// The header with a value that is unique to each request.
const ID: &str = "x-soak-id";

/// The mix of requests, in percent.
const MIX: [(u64, Choice); 12] = [
    (44, Choice::Good),
    (5, Choice::FreshToken),
    (5, Choice::Post),
    (5, Choice::EncodedPath),
    (4, Choice::Slow),
    (7, Choice::RetiredKey),
    (3, Choice::LacksScope),
    (5, Choice::Forged),
    (12, Choice::Unacceptable),
    (3, Choice::NoToken),
    (4, Choice::BadPath),
    (3, Choice::NoPath),
];

#[derive(Clone, Copy, Debug)]
enum Choice {
    Good,
    FreshToken,
    Post,
    EncodedPath,
    Slow,
    RetiredKey,
    LacksScope,
    Forged,
    Unacceptable,
    NoToken,
    BadPath,
    /// A path that ends after the route's prefix.
    NoPath,
}

/// The path after the route's prefix, and the query.
struct Target {
    path: String,
    query: Option<String>,
}

/// Makes request number `number` of client `client`. The same numbers always choose the same kind of request.
pub(super) fn prepare(client: usize, number: usize, wallet: &mut Wallet) -> Prepared {
    let dice = mixed((client as u64) << 32 | number as u64);
    let mut id = Target {
        path: format!("/items/{client}-{number}"),
        query: Some(format!("n={number}&expand=lines")),
    };
    let variant = usize::try_from(dice >> 40).unwrap_or_default();
    let choice = choose(dice % 100);
    let (mut method, mut body, mut is_timed) = (Method::GET, String::new(), true);
    let good = |wallet: &mut Wallet| {
        let minted = wallet.good();
        (Kind::Good(minted.generation), minted.token)
    };
    let (label, (kind, token)) = match choice {
        Choice::Good => ("good", good(wallet)),
        Choice::FreshToken => {
            let minted = wallet.fresh();
            ("good, fresh token", (Kind::Good(minted.generation), minted.token))
        }
        Choice::Post => {
            method = Method::POST;
            body = format!("{{\"order\":\"{client}-{number}\"}}");
            ("good, with a body", good(wallet))
        }
        Choice::EncodedPath => {
            id.path = format!("/caf%C3%A9%20au%20lait/{client}-{number}");
            id.query = Some("q=..%2F..&path=/admin".to_owned());
            ("good, encoded path", good(wallet))
        }
        Choice::NoPath => {
            id = Target {
                path: String::new(),
                query: None,
            };
            ("good, bare route", good(wallet))
        }
        Choice::Slow => {
            id = Target {
                path: format!("/slow/{client}-{number}"),
                query: Some("ms=400".to_owned()),
            };
            is_timed = false;
            ("good, slow backend", good(wallet))
        }
        Choice::RetiredKey => {
            let minted = wallet.retired();
            ("retired key", (Kind::Good(minted.generation), minted.token))
        }
        Choice::LacksScope => {
            let minted = wallet.lacks_scope();
            ("lacks scope", (Kind::LacksScope(minted.generation), minted.token))
        }
        Choice::Forged => ("forged", (Kind::Forged, wallet.forged(variant).to_owned())),
        Choice::Unacceptable => {
            let (name, token) = wallet.unacceptable(variant);
            (name, (Kind::Unacceptable, token.to_owned()))
        }
        Choice::NoToken => ("no token", (Kind::NoToken, String::new())),
        Choice::BadPath => {
            let bad = ["/..;x/admin", "/%252e%252e/admin", "/a/.%252e/..;/b"];
            id.path = bad
                .get(variant % bad.len())
                .copied()
                .unwrap_or_default()
                .to_owned();
            ("bad path", (Kind::BadPath, good(wallet).1))
        }
    };
    let route = ROUTES
        .get((dice >> 20) as usize % ROUTES.len())
        .copied()
        .unwrap_or_default();
    let echo = Echo {
        id: format!("{client}-{number}"),
        original_path: format!("{route}{}", id.path),
        path: id.path,
        query: id.query,
        body,
        own_token: token_hash(&token),
    };
    Prepared {
        label,
        kind,
        request: echo.request(method, &token),
        is_timed,
        echo,
    }
}

fn choose(dice: u64) -> Choice {
    let mut left = dice;
    for (share, choice) in MIX {
        match left.checked_sub(share) {
            Some(rest) => left = rest,
            None => return choice,
        }
    }
    Choice::Good
}

/// Spreads numbers over all 64 bits, so that neighbouring numbers have nothing in common (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Prepared {
    /// Reduces a response to what the rules look at.
    pub(super) fn answer(&self, response: Result<Response, String>) -> Answer {
        let response = match response {
            Ok(response) => response,
            Err(why) => return Answer::Nothing(why),
        };
        if response.status == 200 {
            return self
                .echo
                .check(&response.body)
                .map_or_else(Answer::WrongEcho, |()| Answer::Echo);
        }
        Answer::Status(response.status.as_u16(), reason(&response))
    }
}

/// The reason code of one of the gateway's refusals (RFC 9457). `None` if the response lacks the header that its status
/// requires: a challenge (RFC 6750 section 3) or `Retry-After`.
fn reason(response: &Response) -> Option<String> {
    let needed = match response.status.as_u16() {
        401 | 403 => Some(header::WWW_AUTHENTICATE),
        503 => Some(header::RETRY_AFTER),
        _ => None,
    };
    if needed.is_some_and(|name| !response.headers.contains_key(name)) {
        return None;
    }
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    body.get("reason")?.as_str().map(str::to_owned)
}

impl Echo {
    fn request(&self, method: Method, token: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::from(self.body.clone())));
        let query = self.query.iter().flat_map(|query| ["?", query]);
        let target: String = std::iter::once(self.original_path.as_str())
            .chain(query)
            .collect();
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("gateway.example.com"));
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(ID, id);
        }
        if !token.is_empty()
            && let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}"))
        {
            headers.insert(header::AUTHORIZATION, bearer);
        }
        request
    }

    /// Compares the echo with what was sent.
    fn check(&self, body: &[u8]) -> Result<(), String> {
        let seen: Value =
            serde_json::from_slice(body).map_err(|error| format!("the body is no echo: {error}"))?;
        let header = |name: &str| seen.pointer(&format!("/headers/{name}")).and_then(Value::as_str);
        let member = |name: &str| seen.get(name).and_then(Value::as_str);
        let own_token = format!("Bearer sha256:{}", self.own_token);
        for (what, got, expected) in [
            ("request id", header(ID), Some(self.id.as_str())),
            ("path", member("path"), Some(&self.path)),
            ("query", member("query"), self.query.as_deref()),
            ("body", member("body"), Some(&self.body)),
            ("sub", member("sub"), Some(Application::GATEWAY_ID)),
            ("sub_type", member("sub_type"), Some("client")),
            (
                "X-Replaced-Path",
                header("x-replaced-path"),
                Some(&self.original_path),
            ),
        ] {
            if got != expected {
                return Err(format!("{what}: expected {expected:?}, the backend saw {got:?}"));
            }
        }
        match header("authorization") {
            Some(token) if token.starts_with("Bearer sha256:") && token != own_token => Ok(()),
            other => Err(format!("the backend saw the Authorization {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn echo() -> Echo {
        Echo {
            id: "1-2".to_owned(),
            original_path: "/stock/items/1-2".to_owned(),
            path: "/items/1-2".to_owned(),
            query: Some("n=2".to_owned()),
            body: String::new(),
            own_token: "ab".to_owned(),
        }
    }

    fn seen() -> Value {
        json!({
            "path": "/items/1-2", "query": "n=2", "body": "", "sub": Application::GATEWAY_ID, "sub_type": "client",
            "headers": {
                "x-soak-id": "1-2", "x-replaced-path": "/stock/items/1-2", "authorization": "Bearer sha256:cd",
            },
        })
    }

    #[test]
    fn the_right_echo_is_accepted_and_every_difference_found() {
        assert_eq!(echo().check(seen().to_string().as_bytes()), Ok(()));
        for (pointer, value) in [
            ("/path", json!("/items/1-3")),
            ("/query", json!(null)),
            ("/body", json!("another's")),
            ("/sub", json!("another client")),
            ("/sub_type", json!("user")),
            ("/headers/x-soak-id", json!("1-3")),
            ("/headers/x-replaced-path", json!(["/stock/items/1-2", "/x"])),
            ("/headers/authorization", json!("Bearer sha256:ab")),
            (
                "/headers/authorization",
                json!(["Bearer sha256:cd", "Bearer sha256:ab"]),
            ),
            ("/headers/authorization", json!(null)),
        ] {
            let mut seen = seen();
            *seen.pointer_mut(pointer).unwrap() = value.clone();
            assert!(
                echo().check(seen.to_string().as_bytes()).is_err(),
                "{pointer} {value}"
            );
        }
        assert!(echo().check(b"<html>").is_err());
    }

    #[test]
    fn a_refusal_counts_as_ours_only_with_the_header_that_belongs_to_it() {
        let response = |status: u16, header: Option<&'static str>| {
            let mut headers = http::HeaderMap::new();
            header
                .into_iter()
                .for_each(|name| drop(headers.insert(name, HeaderValue::from_static("x"))));
            Response {
                status: status.try_into().unwrap(),
                headers,
                body: Bytes::from_static(br#"{"reason":"why"}"#),
            }
        };
        for (status, header, expected) in [
            (401, Some("www-authenticate"), Some("why")),
            (401, None, None),
            (503, Some("retry-after"), Some("why")),
            (503, Some("www-authenticate"), None),
            (400, None, Some("why")),
        ] {
            assert_eq!(
                reason(&response(status, header)).as_deref(),
                expected,
                "{status} {header:?}"
            );
        }
    }

    #[test]
    fn the_mix_is_a_hundred_and_everything_comes() {
        assert_eq!(MIX.iter().map(|(share, _)| share).sum::<u64>(), 100);
        let drawn: std::collections::BTreeSet<String> = (0..2000)
            .map(|number| format!("{:?}", choose(mixed(number) % 100)))
            .collect();
        assert_eq!(drawn.len(), MIX.len());
    }
}
