//! A token in the query or in a form: `tokenKey`.

use harness::client::raw;
use harness::gateway::Gateway;
use harness::oic::token_hash;
use harness_build::guests::sha256;
use serde_json::{Value, json};

use super::Refusal;
use harness::idcs::Idcs;

fn gateway(forward: bool) -> Gateway {
    let options = json!({ "tokenKey": "access_token", "forwardAuthorization": forward });
    Gateway::in_front_of(Idcs::start()).jwt(options).start()
}

#[test]
fn a_token_in_the_query_counts_where_the_header_has_none() {
    let gateway = gateway(false);
    let token = gateway.idcs.client_token().mint();
    let target = format!("/echo/x?a=%2f1&access_token={token}&b=2");
    for authorization in [None, Some("Basic YTpi"), Some("Digest x")] {
        let request = gateway.get(&target);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        assert_eq!(request.send().unwrap().status, 200, "{authorization:?}");
        let seen = gateway.oic.last_request().unwrap();
        assert_eq!(seen.query.as_deref(), Some("a=%2f1&b=2"), "{authorization:?}");
        assert!(seen.path.ends_with("/x"), "{}", seen.path);
        assert_ne!(
            seen.header("authorization"),
            Some(format!("Bearer sha256:{}", token_hash(&token)).as_str())
        );
    }
    let good = gateway.get(&format!("/echo/x?access_token={token}"));
    assert_eq!(good.bearer(&token).send().unwrap().status, 200);
    assert_eq!(gateway.oic.last_request().unwrap().query, None);

    let seen = gateway.oic.requests_count();
    let expired = gateway.idcs.client_token().expired().mint();
    let header_first = gateway.get(&target).bearer(&expired).send().unwrap();
    Refusal::INVALID_TOKEN.assert("the header counts", &header_first);
    for (query, expected) in [
        ("".to_owned(), Refusal::MISSING_TOKEN),
        ("?Access_Token=x".to_owned(), Refusal::MISSING_TOKEN),
        ("?access_token=".to_owned(), Refusal::INVALID_REQUEST),
        (
            format!("?access_token={token}&access_token={token}"),
            Refusal::INVALID_REQUEST,
        ),
        (format!("?access_token={expired}"), Refusal::INVALID_TOKEN),
    ] {
        expected.assert(&query, &gateway.get(&format!("/echo/x{query}")).send().unwrap());
    }
    assert_eq!(gateway.oic.requests_count(), seen);
    assert!(!gateway.traefik.log().contains(&token));
}

#[test]
fn a_byte_that_is_not_utf_8_leaves_no_token_in_the_query() {
    let gateway = gateway(false);
    let token = gateway.idcs.client_token().mint();
    for (query, header, expected) in [
        (format!("access_token={token}&x="), String::new(), "x=%FF"),
        (
            "access_token=a.second.one&x=".to_owned(),
            format!("Authorization: Bearer {token}\r\n"),
            "x=%FF",
        ),
    ] {
        let mut request = format!("GET /echo/x?{query}").into_bytes();
        request.push(0xff);
        request.extend(format!(" HTTP/1.1\r\nHost: a\r\n{header}Connection: close\r\n\r\n").bytes());
        let answer = raw(gateway.traefik.address("web").unwrap(), &request).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let seen = gateway.oic.last_request().unwrap();
        assert_eq!(seen.query.as_deref(), Some(expected));
    }
}

#[test]
fn the_query_keeps_the_token_where_it_is_to_be_forwarded() {
    let gateway = gateway(true);
    let token = gateway.idcs.client_token().mint();
    let answer = gateway
        .get(&format!("/echo?access_token={token}"))
        .send()
        .unwrap();
    assert_eq!(answer.status, 200);
    let query = gateway.oic.last_request().unwrap().query.unwrap();
    assert_eq!(query, format!("access_token={token}"));
}

#[test]
fn a_form_with_the_token_reaches_the_backend_unharmed_at_every_size() {
    let gateway = gateway(false);
    let token = gateway.idcs.client_token().mint();
    let post = |body: &[u8]| {
        let url = gateway.url("/echo/upload");
        let request = gateway.client().post(&url);
        let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        request.body(body).send().unwrap()
    };
    // Sizes around the runtime's chunks of 2048 bytes, and up to the limit of 1 MiB.
    for size in [
        0, 1, 100, 600, 1500, 2047, 2048, 2049, 5_000, 100_000, 1_000_000, 1_048_576,
    ] {
        let field = format!("access_token={token}&rest=");
        let padding = usize::saturating_sub(size, field.len());
        for body in [
            format!("{field}{}", "x".repeat(padding)),
            format!(
                "rest={}&access_token={token}",
                "x".repeat(padding.saturating_sub(1))
            ),
        ] {
            let answer = post(body.as_bytes());
            assert_eq!(answer.status, 200, "{} bytes: {}", body.len(), answer.text());
            let seen: Value = answer.json();
            assert_eq!(
                seen,
                json!({ "bytes": body.len(), "sha256": sha256(body.as_bytes()) }),
                "{size}"
            );
        }
    }
    let seen = gateway.oic.requests_count();
    Refusal::MISSING_TOKEN.assert("no token", &post(b"a=1"));
    Refusal::INVALID_REQUEST.assert("two", &post(b"access_token=a&access_token=b"));
    Refusal::FORM_TOO_LONG.assert("too long", &post(&vec![b'x'; 1_048_577]));
    assert_eq!(gateway.oic.requests_count(), seen);

    // A caller with the token in the header may send a form of any size, because the plugin does not read it.
    let url = gateway.url("/echo/upload");
    let request = gateway.client().post(&url).bearer(&token);
    let body = vec![b'x'; 3_000_000];
    let answer = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.clone())
        .send()
        .unwrap();
    assert_eq!(
        answer.json(),
        json!({ "bytes": body.len(), "sha256": sha256(&body) })
    );
}
