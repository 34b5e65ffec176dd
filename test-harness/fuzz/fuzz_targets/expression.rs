//! Expressions about claims, and claims as headers. Nothing crashes, errors point into the text, negation negates, and
//! no value breaks out of its header.
//!
//! The input is an expression, a line break, and a claims set.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::{ClaimHeaders, Expression};
use jose::{Acceptance, Algorithm, Token};
use libfuzzer_sys::fuzz_target;
use middleware::Edit;
use test_doubles::Request;

fuzz_target!(|input: &[u8]| {
    let accept = Acceptance {
        max_bytes: 64 * 1024,
        algorithms: vec![Algorithm::Rs256],
    };
    let text = String::from_utf8_lossy(input);
    let (expression, claims) = text.split_once('\n').unwrap_or((&text, "{}"));
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let token = format!("{header}.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let token = Token::parse(token.as_bytes(), &accept);

    match (Expression::parse(expression), &token) {
        (Err(error), _) => assert!(
            (1..=expression.chars().count() + 1).contains(&error.at()),
            "{error}"
        ),
        (Ok(parsed), Ok(token)) => {
            let claims = token.unverified_claims();
            if let Ok(negated) = Expression::parse(&format!("!({expression})")) {
                assert_ne!(parsed.holds(claims), negated.holds(claims));
            }
        }
        (Ok(_), Err(_)) => {}
    }
    // Any text can be the name of a claim, so the expression's text is used as one.
    let Ok(headers) = ClaimHeaders::new(
        &[("X-Claim".to_owned(), expression.to_owned())].into(),
        "sub",
        "X-Sub",
    ) else {
        return;
    };
    let Ok(token) = token else { return };
    let Ok(values) = headers.values(token.unverified_claims()) else {
        return;
    };
    for edit in headers.edits(&Request::get("/"), &values).iter() {
        match edit {
            Edit::SetHeader(_, value) => {
                let value = &**value;
                assert!(!value.chars().any(char::is_control), "{value:?}");
                assert_eq!(value.trim(), value);
                assert!(value.len() <= 4096);
            }
            other => panic!("{other:?} of no header that was sent"),
        }
    }
});
