//! Tests of rule tables against requests.

use jose::{Acceptance, Algorithm, Token};
use middleware::pace::{STRETCH, watch};
use serde_json::{Value, json};
use test_doubles::Request;

use super::*;

fn rule(methods: &[&str], path: &str, on_deny: OnDeny) -> AccessRule {
    AccessRule {
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        path: PathPattern::parse(path).unwrap(),
        any_scope: Vec::new(),
        all_scopes: Vec::new(),
        claims: None,
        on_deny,
    }
}

fn any_scope(rule: AccessRule, scopes: &[&str]) -> AccessRule {
    AccessRule {
        any_scope: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        ..rule
    }
}

fn claims(value: &Value) -> Claims {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let [header, claims] =
        [r#"{"alg":"HS256"}"#, &value.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let accept = Acceptance {
        max_bytes: 10_000,
        algorithms: vec![Algorithm::Hs256],
    };
    let token = format!("{header}.{claims}.AAAA");
    let token = Token::parse(token.as_bytes(), &accept).unwrap();
    token.unverified_claims().clone()
}

/// A table for two teams, with one exception and one path that any valid token may call.
fn teams() -> Access {
    let hr = any_scope(
        rule(&["GET", "POST"], "/hr/**", OnDeny::NotFound),
        &["oic_api_HR"],
    );
    let pay = any_scope(rule(&[], "/hr/pay/**", OnDeny::Forbidden), &["payroll", "audit"]);
    let it = any_scope(rule(&[], "/it/*", OnDeny::Unauthorized), &["oic_api_IT"]);
    let news = rule(&["GET"], "/news", OnDeny::Forbidden);
    Access::new(vec![pay, hr, it, news], OnDeny::Forbidden)
}

/// Judges a request with a token that has these scopes. `Ok` means that the request passes.
fn judge(access: &Access, scope: &str, request: &Request) -> Result<(), Denial> {
    let satisfied = access.satisfied(&claims(&json!({ "scope": scope }))).unwrap();
    access.judge(request, satisfied)
}

fn denied(rule: usize, answer: OnDeny) -> Result<(), Denial> {
    Err(Denial::Rule {
        rule: Some(rule),
        alike: false,
        answer,
    })
}

fn by_its_looks(rule: usize, answer: OnDeny) -> Result<(), Denial> {
    Err(Denial::Rule {
        rule: Some(rule),
        alike: true,
        answer,
    })
}

const NO_RULE: Result<(), Denial> = Err(Denial::Rule {
    rule: None,
    alike: false,
    answer: OnDeny::Forbidden,
});

#[test]
fn the_first_rule_that_fits_decides_and_without_one_nobody_passes() {
    let access = teams();
    for (method, uri, scope, expected) in [
        ("GET", "/hr", "oic_api_HR", Ok(())),
        ("POST", "/hr/people/7?x=/it", "openid oic_api_HR", Ok(())),
        ("GET", "/hr/people", "oic_api_IT", denied(1, OnDeny::NotFound)),
        ("GET", "/hr/people", "oic_api_HRX", denied(1, OnDeny::NotFound)),
        ("GET", "/hr/people", "", denied(1, OnDeny::NotFound)),
        ("DELETE", "/hr/people", "oic_api_HR", NO_RULE),
        ("GET", "/hr/pay/7", "oic_api_HR", denied(0, OnDeny::Forbidden)),
        ("DELETE", "/hr/pay/7", "audit", Ok(())),
        ("GET", "/it/servers", "oic_api_IT", Ok(())),
        (
            "GET",
            "/it/servers",
            "oic_api_HR",
            denied(2, OnDeny::Unauthorized),
        ),
        ("GET", "/it", "oic_api_IT", NO_RULE),
        ("GET", "/it/servers/7", "oic_api_IT", NO_RULE),
        ("GET", "/news", "", Ok(())),
        ("HEAD", "/news", "", NO_RULE),
        ("GET", "/", "oic_api_HR oic_api_IT", NO_RULE),
        ("GET", "/other", "oic_api_HR oic_api_IT", NO_RULE),
    ] {
        let request = Request::new(method, uri);
        let got = judge(&access, scope, &request);
        assert!(request.headers_read().is_empty(), "only header names are read");
        assert_eq!(got, expected, "{method} {uri} with {scope}");
    }
}

#[test]
fn a_path_that_looks_like_a_rules_is_refused_by_that_rule_and_never_reaches_the_next() {
    let wide = rule(&[], "/**", OnDeny::Forbidden);
    let hr = any_scope(rule(&[], "/hr/**", OnDeny::NotFound), &["oic_api_HR"]);
    let access = Access::new(vec![hr, wide], OnDeny::Forbidden);
    let everything = "oic_api_HR";
    for uri in ["/HR/people", "/Hr", "/hr.", "/hr%20/people", "/h%C5%99/x"] {
        let got = judge(&access, everything, &Request::get(uri));
        assert_eq!(got, by_its_looks(0, OnDeny::NotFound), "{uri}");
    }
    for uri in [
        "/hr//people",
        "/it/../hr",
        "/%68r",
        "/it%2f..%2fhr",
        "/it;/hr",
        "/it\\hr",
        "//hr",
    ] {
        let got = judge(&access, everything, &Request::get(uri));
        assert_eq!(got, Err(Denial::AmbiguousPath), "{uri}");
    }
    for uri in ["/hrs", "/it", "/h/r", "/it/hr", "/m%C3%BCller"] {
        assert_eq!(judge(&access, "", &Request::get(uri)), Ok(()), "{uri}");
    }
}

#[test]
fn a_request_that_asks_to_be_taken_for_another_is_refused() {
    let access = teams();
    for (method, headers) in [
        ("get", &[][..]),
        ("Get", &[]),
        ("GET", &["X-HTTP-Method-Override"]),
        ("GET", &["Accept", "x-http-method-override"]),
        ("GET", &["X_HTTP_Method_Override"]),
        ("GET", &["X-HTTP-Method"]),
        ("GET", &["X-Method-Override"]),
        ("GET", &["x-original-url"]),
        ("GET", &["X-Rewrite-Url"]),
    ] {
        let got = judge(
            &access,
            "oic_api_HR",
            &Request::new(method, "/hr").with_header_names(headers),
        );
        assert_eq!(got, Err(Denial::AmbiguousRequest), "{method} {headers:?}");
    }
    let request = Request::get("/hr").with_header_names(["Accept", "X-Http-Method-Overrides"]);
    assert_eq!(judge(&access, "oic_api_HR", &request), Ok(()));
}

#[test]
fn a_rule_asks_for_one_scope_or_all_or_a_claim_or_all_of_that() {
    let expression = |text| Some(Expression::parse(text).unwrap());
    let any = any_scope(rule(&[], "/any", OnDeny::Forbidden), &["a", "b"]);
    let all = AccessRule {
        all_scopes: vec!["a".to_owned(), "b".to_owned()],
        ..rule(&[], "/all", OnDeny::Forbidden)
    };
    let claim = AccessRule {
        claims: expression("Equals(`team`, `hr`)"),
        ..rule(&[], "/claim", OnDeny::Forbidden)
    };
    let both = AccessRule {
        claims: expression("Equals(`team`, `hr`)"),
        ..any_scope(rule(&[], "/both", OnDeny::Forbidden), &["a"])
    };
    let access = Access::new(vec![any, all, claim, both], OnDeny::Forbidden);
    for (token, passes) in [
        (json!({}), [false, false, false, false]),
        (json!({ "scope": "a" }), [true, false, false, false]),
        (json!({ "scope": "a b" }), [true, true, false, false]),
        (json!({ "scp": ["b", "a"] }), [true, true, false, false]),
        (json!({ "scp": "b", "scope": "a" }), [true, true, false, false]),
        (json!({ "scope": "A ab" }), [false, false, false, false]),
        (json!({ "team": "hr" }), [false, false, true, false]),
        (json!({ "team": "hr", "scope": "a" }), [true, false, true, true]),
    ] {
        let satisfied = access.satisfied(&claims(&token)).unwrap();
        let got = ["/any", "/all", "/claim", "/both"]
            .map(|path| access.judge(&Request::get(path), satisfied).is_ok());
        assert_eq!(got, passes, "{token}");
    }
    let malformed = claims(&json!({ "scope": 7 }));
    assert_eq!(access.satisfied(&malformed), Err(Rejection::MalformedClaims));
}

#[test]
fn what_would_help_is_told_and_no_more() {
    let access = teams();
    let wanted = |scope, uri| {
        let denial = judge(&access, scope, &Request::get(uri)).unwrap_err();
        access.wanted(denial)
    };
    assert_eq!(wanted("", "/hr/pay"), ["payroll"], "any one scope is enough");
    assert_eq!(wanted("", "/hr"), ["oic_api_HR"]);
    assert!(wanted("", "/HR").is_empty());
    assert!(wanted("", "/other").is_empty());
    assert!(wanted("", "/hr//x").is_empty());
}

#[test]
fn every_one_of_sixty_four_rules_counts() {
    let rules: Vec<AccessRule> = (0..Access::MOST)
        .map(|number| {
            let scope = format!("s{number}");
            any_scope(rule(&[], &format!("/{number}"), OnDeny::Forbidden), &[&scope])
        })
        .collect();
    let access = Access::new(rules, OnDeny::Forbidden);
    for number in 0..Access::MOST {
        let (scope, own) = (format!("s{number}"), format!("/{number}"));
        assert_eq!(judge(&access, &scope, &Request::get(&own)), Ok(()));
        let other = (number + 1) % Access::MOST;
        let other_path = format!("/{other}");
        let got = judge(&access, &scope, &Request::get(&other_path));
        assert_eq!(got, denied(other, OnDeny::Forbidden));
    }
}

#[test]
fn many_headers_and_many_scopes_are_read_in_pieces() {
    let table = Access::new(
        (0..64)
            .map(|_| any_scope(rule(&[], "/hr/**", OnDeny::Forbidden), &["x", "y"]))
            .collect(),
        OnDeny::Forbidden,
    );
    let scopes = "a ".repeat(3500);
    let claims = claims(&json!({ "scope": scopes }));
    let (satisfied, pace) = watch(|| table.satisfied(&claims).unwrap());
    assert_eq!(satisfied, Satisfied::default());
    assert!(pace.steps >= 64 * 2 * 3500, "{pace:?}");
    assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
    let names = vec!["x-header"; 60_000];
    let request = Request::get("/hr").with_header_names(&names);
    let (verdict, pace) = watch(|| table.judge(&request, Satisfied::default()));
    assert!(verdict.is_err());
    assert!(pace.safe_points >= 10, "{pace:?}");
    assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
}
