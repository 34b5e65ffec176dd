//! The refresh token in an answer (RFC 6749 section 5.1).

use http::Response;
use middleware::{Secret, published};
use serde_json::Value;

/// The longest refresh token that is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// The refresh token in `response`. A provider that rotates refresh tokens has used up the one that was sent, whether or not
/// the rest of the answer is usable. Therefore it is read separately. `None` if there is none, or if it has characters that
/// RFC 6749 appendix A.17 does not allow.
pub fn refresh_token(response: &Response<Vec<u8>>) -> Option<Secret> {
    if !response.status().is_success() {
        return None;
    }
    let body: Value = serde_json::from_slice(published::without_mark(response.body())).ok()?;
    let token = body.get("refresh_token")?.as_str()?;
    let legal =
        (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    legal.then(|| Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_even_beside_an_access_token_that_cannot_be_used() {
        for (status, body, expected) in [
            (200, r#"{"access_token":"a","refresh_token":"r 1"}"#, Some("r 1")),
            (
                200,
                r#"{"access_token":"","expires_in":0,"refresh_token":"r"}"#,
                Some("r"),
            ),
            (200, "\u{feff}{\"refresh_token\":\"r\"}", Some("r")),
            (200, r#"{"access_token":"a"}"#, None),
            (200, r#"{"refresh_token":null}"#, None),
            (200, r#"{"refresh_token":""}"#, None),
            (200, r#"{"refresh_token":7}"#, None),
            (200, "{\"refresh_token\":\"a\\nb\"}", None),
            (200, "<html>", None),
            (400, r#"{"refresh_token":"r"}"#, None),
        ] {
            let response = Response::builder()
                .status(status)
                .body(body.as_bytes().to_vec())
                .unwrap();
            let found = refresh_token(&response);
            assert_eq!(found.as_ref().map(Secret::expose), expected, "{status} {body}");
        }
    }
}
