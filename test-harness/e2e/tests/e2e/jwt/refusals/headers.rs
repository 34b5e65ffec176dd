//! Requests that no HTTP client sends, to test which headers may carry a token.

use harness::client::{Response, raw};
use harness::gateway::Gateway;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::{Refusal, assert_logged_reason, strict_gateway};

#[test]
fn a_request_without_exactly_one_bearer_token_in_its_header_is_refused() {
    let gateway = strict_gateway();
    let good = gateway.idcs.client_token().mint();
    let bearer = format!("Authorization: Bearer {good}");
    let basic = "Authorization: Basic YTpi".to_owned();
    let form = format!("access_token={good}");
    let form_type = "Content-Type: application/x-www-form-urlencoded";
    let header = |text: String| vec![format!("Authorization: {text}")];

    let missing = [
        ("nothing", vec![]),
        ("an empty header", header(String::new())),
        ("Basic", vec![basic.clone()]),
        ("DPoP", header(format!("DPoP {good}"))),
        ("no scheme", header(good.clone())),
        ("a scheme that begins right", header(format!("Bearer2 {good}"))),
        (
            "a token behind Basic",
            header(format!("Basic YTpi, Bearer {good}")),
        ),
        (
            "another header",
            vec![format!("Proxy-Authorization: Bearer {good}")],
        ),
    ];
    let malformed = [
        ("no token", header("Bearer".to_owned())),
        ("two tokens", vec![format!("{bearer} {good}")]),
        ("a list of tokens", vec![format!("{bearer}, Bearer {good}")]),
        ("a parameter", vec![format!("{bearer}, realm=\"x\"")]),
        ("a token in quotes", header(format!("Bearer \"{good}\""))),
        ("the same header twice", vec![bearer.clone(), bearer.clone()]),
        ("Basic before", vec![basic.clone(), bearer.clone()]),
        ("Basic behind", vec![bearer.clone(), basic]),
        (
            "an empty header behind",
            vec![bearer.clone(), "Authorization:".to_owned()],
        ),
        (
            "other letters",
            vec![bearer, format!("aUTHORIZATION: bearer {good}")],
        ),
    ];
    let rows = missing.map(|row| (Refusal::MISSING_TOKEN, "missing_token", row));
    let malformed = malformed.map(|row| (Refusal::INVALID_REQUEST, "malformed_authorization", row));
    for (refused, (expected, code, (case, headers))) in rows.into_iter().chain(malformed).enumerate() {
        expected.assert(case, &send(&gateway, "GET /echo", &headers, ""));
        assert_logged_reason(&gateway, refused, code, case);
    }
    // The plugin ignores tokens in the query and in the body (RFC 6750 sections 2.2 and 2.3).
    let query = format!("GET /echo?access_token={good}");
    let in_query = send(&gateway, &query, &[], "");
    Refusal::MISSING_TOKEN.assert("in the query", &in_query);
    let in_form = send(&gateway, "POST /echo", &[form_type.to_owned()], &form);
    Refusal::MISSING_TOKEN.assert("in the form", &in_form);
    assert_eq!(gateway.oic.requests_count(), 0);

    for value in [format!("Bearer {good}"), format!("bEARER   {good}  ")] {
        let answer = send(&gateway, "GET /echo", &header(value), "");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(gateway.oic.requests_count(), 2);
}

/// Sends exactly these header lines.
fn send(gateway: &Gateway, start: &str, headers: &[String], body: &str) -> Response {
    let mut lines = vec![format!("{start} HTTP/1.1"), "Host: gateway.example".to_owned()];
    lines.extend_from_slice(headers);
    lines.push(format!("Content-Length: {}", body.len()));
    let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
    let address = gateway.traefik.address("web").unwrap();
    read(&raw(address, request.as_bytes()).unwrap())
}

fn read(answer: &[u8]) -> Response {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
    let headers: HeaderMap = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        })
        .collect();
    let chunked = headers.contains_key("transfer-encoding");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Response {
        status: status.parse().unwrap(),
        version: Version::HTTP_11,
        headers,
        body: body.into(),
    }
}

/// Decodes a chunked body (RFC 9112 section 7.1).
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, chunk)) = rest.split_once("\r\n") {
        let (data, behind) = chunk.split_at(usize::from_str_radix(size, 16).unwrap());
        body += data;
        rest = behind.trim_start_matches("\r\n");
    }
    body
}
