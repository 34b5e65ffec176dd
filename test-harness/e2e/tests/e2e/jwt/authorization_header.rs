//! What happens to the caller's token behind the plugin: `forwardAuthorization`.

use harness::idcs::Idcs;
use harness::oic::token_hash;

use super::{Refusal, published_by, routes, with};

#[test]
fn the_backend_sees_the_callers_token_only_if_that_is_asked_for() {
    let idcs = Idcs::start();
    let options = published_by(&idcs);
    let gateway = routes(
        idcs,
        &[
            ("/default", options.clone()),
            ("/dropped", with(options.clone(), "forwardAuthorization", false)),
            ("/kept", with(options, "forwardAuthorization", true)),
        ],
    )
    .start();
    let token = gateway.idcs.client_token().mint();
    let whole = format!("Bearer sha256:{}", token_hash(&token));
    for (path, expected) in [
        ("/default", None),
        ("/dropped", None),
        ("/kept", Some(whole.as_str())),
    ] {
        // The second time, the token is already in the cache.
        for _ in 0..2 {
            let request = gateway.get(path).bearer(&token).header("x-other", "stays");
            assert_eq!(request.send().unwrap().status, 200, "{path}");
            let seen = gateway.oic.last_request().unwrap();
            assert_eq!(seen.path, path);
            assert_eq!(seen.header("authorization"), expected, "{path}");
            assert_eq!(
                seen.count("authorization"),
                usize::from(expected.is_some()),
                "{path}"
            );
            assert_eq!(seen.header("x-other"), Some("stays"), "{path}");
        }
    }

    let before = gateway.oic.requests_count();
    let wrong = gateway.idcs.client_token().expired().mint();
    for path in ["/default", "/dropped", "/kept"] {
        Refusal::INVALID_TOKEN.assert(path, &gateway.get(path).bearer(&wrong).send().unwrap());
    }
    assert_eq!(gateway.oic.requests_count(), before);
}

#[test]
fn the_header_of_a_proxy_holds_the_bare_token_where_the_options_say_so() {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "tokenHeader", "X-Jwt-Assertion");
    let gateway = routes(
        idcs,
        &[
            ("/bare", with(options.clone(), "tokenAuthScheme", "")),
            ("/bearer", options),
        ],
    )
    .start();
    let token = gateway.idcs.client_token().mint();
    let send = |path: &str, value: &str| {
        let request = gateway.get(path).header("x-jwt-assertion", value);
        request.send().unwrap()
    };
    let schemed = format!("Bearer {token}");
    for (path, value, expected) in [
        ("/bare", &token, None),
        ("/bearer", &schemed, None),
        ("/bare", &schemed, Some(Refusal::INVALID_REQUEST)),
        ("/bearer", &token, Some(Refusal::MISSING_TOKEN)),
        ("/bare", &String::new(), Some(Refusal::MISSING_TOKEN)),
    ] {
        let answer = send(path, value);
        match expected {
            None => {
                assert_eq!(answer.status, 200, "{path}");
                assert_eq!(
                    gateway.oic.last_request().unwrap().header("x-jwt-assertion"),
                    None
                );
            }
            Some(refusal) => refusal.assert(path, &answer),
        }
    }
    let answer = gateway.get("/bare").bearer(&token).send().unwrap();
    Refusal::MISSING_TOKEN.assert("another header", &answer);
}
