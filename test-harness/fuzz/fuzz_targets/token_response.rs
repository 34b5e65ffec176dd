//! Responses of a token endpoint. An accepted token can be sent and expires in the future. A refusal is described in
//! one short line.
//!
//! The first line is the status and, after a space, `Retry-After`. The rest is the body.
#![no_main]

use fuzz::NOW;
use http::{Response, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use oauth::{AccessToken, TokenError, TokenResponse};

fn response(input: &[u8]) -> Option<Response<Vec<u8>>> {
    let middle = input.iter().position(|&byte| byte == b'\n')?;
    let (head, body) = (&input[..middle], &input[middle + 1..]);
    let mut words = head.splitn(2, |&byte| byte == b' ');
    let status = StatusCode::from_bytes(words.next()?).ok()?;
    let mut response = Response::builder().status(status);
    if let Some(retry_after) = words.next() {
        response = response.header(header::RETRY_AFTER, retry_after);
    }
    response.body(body.to_vec()).ok()
}

fuzz_target!(|input: &[u8]| {
    let Some(response) = response(input) else {
        return;
    };
    match TokenResponse::read(&response, NOW) {
        Ok(TokenResponse { access_token: token }) => {
            assert!(response.status().is_success());
            let header =
                http::HeaderValue::from_str(&format!("Bearer {}", token.expose())).expect("a header's value");
            assert!(
                header
                    .as_bytes()
                    .iter()
                    .skip("Bearer ".len())
                    .all(u8::is_ascii_graphic)
            );
            assert!(NOW < token.expires_at());
            for jitter in [0, 255] {
                assert!(token.refresh_at(NOW, jitter) <= token.usable_until(NOW));
                assert!(token.usable_until(NOW) <= token.expires_at());
            }
            assert_eq!(AccessToken::from_bytes(&token.to_bytes()).as_ref(), Some(&token));
            assert!(!format!("{token:?}").contains(token.expose()) || token.expose().len() < 12);
        }
        Err(
            TokenError::Refused(detail)
            | TokenError::InvalidGrant(detail)
            | TokenError::InvalidRequest(detail)
            | TokenError::Unavailable { detail, .. },
        ) => {
            assert!(
                detail.len() < 4096 && !detail.contains(char::is_control),
                "{detail:?}"
            );
        }
    }
});
