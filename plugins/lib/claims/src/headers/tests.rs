use super::*;
use middleware::pace::{STRETCH, watch};
use serde_json::{Value, json};
use test_doubles::Request;

fn headers(map: &[(&str, &str)]) -> Result<ClaimHeaders, ConfigError> {
    let map = map
        .iter()
        .map(|(name, claim)| (name.to_string(), claim.to_string()));
    ClaimHeaders::new(&map.collect(), "", "")
}

fn claims(value: &Value) -> Claims {
    Claims::parse(value.to_string().as_bytes()).unwrap()
}

/// A request with headers of these names.
fn request(names: &[&str]) -> Request {
    Request::get("/").with_header_names(names)
}

#[test]
fn claims_become_text() {
    let claims = claims(&json!({
        "text": "jäne, \"x\"", "number": 7, "half": 1.5, "truth": true, "nothing": null, "empty": "",
        "list": ["a", "b c", 1, "ä😀"], "object": { "a": { "b": [] } },
    }));
    for (claim, expected) in [
        ("text", "jäne, \"x\""),
        ("number", "7"),
        ("half", "1.5"),
        ("truth", "true"),
        ("nothing", ""),
        ("empty", ""),
        ("missing", ""),
        ("text.missing", ""),
        ("list", r#"["a","b c",1,"\u00e4\ud83d\ude00"]"#),
        ("object", r#"{"a":{"b":[]}}"#),
        ("object.a.b", "[]"),
    ] {
        let headers = headers(&[("X-Claim", claim)]).unwrap();
        let values = headers.values(&claims).unwrap();
        let expected = Edits::none().set_header("X-Claim", expected);
        assert_eq!(headers.edits(&request(&[]), &values), expected, "{claim}");
    }
}

#[test]
fn two_ids_never_become_the_same_header() {
    let headers = headers(&[("X-Id", "id")]).unwrap();
    let ids = [
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "12345678901234567890123",
        "12345678901234567890124",
        "-9223372036854775809",
        "100",
        "1e2",
        "100.0",
        "0",
        "-0",
        "[12345678901234567890123]",
        r#"{"a":[12345678901234567890124]}"#,
    ];
    for id in ids {
        let claims = Claims::parse(format!("{{\"id\": {id} }}").as_bytes()).unwrap();
        let values = headers.values(&claims).unwrap();
        let expected = Edits::none().set_header("X-Id", id);
        assert_eq!(headers.edits(&request(&[]), &values), expected);
    }
}

#[test]
fn text_that_a_server_would_change_is_refused() {
    let long = "x".repeat(MAX_LENGTH + 1);
    for value in [
        "a\r\nX: y",
        "a\nb",
        "a\0",
        "\x7f",
        " admin",
        "admin ",
        "admin\t",
        "admin\u{a0}",
        "a\u{85}b",
        &long,
    ] {
        let headers = headers(&[("X-User", "sub")]).unwrap();
        let judged = headers.values(&claims(&json!({ "sub": value })));
        assert_eq!(judged, Err(Rejection::UnfitForHeader), "{value:?}");
    }
    let inside_json = json!({ "sub": ["a\r\nb", " c "] });
    assert!(
        headers(&[("X-User", "sub")])
            .unwrap()
            .values(&claims(&inside_json))
            .is_ok()
    );
}

#[test]
fn what_the_client_sent_under_the_name_or_an_alias_of_it_is_removed() {
    let headers = headers(&[("X-User", "sub"), ("X-Group", "grp")]).unwrap();
    let values = headers.values(&claims(&json!({ "sub": "jane" }))).unwrap();
    let request = request(&[
        "Host", "X-User", "x_user", "X.User", "X-Users", "XUser", "X_Group", "X~User",
    ]);
    let expected = ["x_user", "X.User", "X_Group", "X~User"]
        .into_iter()
        .fold(Edits::none(), |edits, name| edits.remove_header(name))
        // Sorted by name. Each header is set, so earlier values are gone.
        .set_header("X-Group", "")
        .set_header("X-User", "jane");
    assert_eq!(headers.edits(&request, &values), expected);
}

#[test]
fn many_headers_are_read_in_pieces() {
    let request = request(&vec!["x.user"; 60_000]);
    let headers = headers(&[("X-User", "sub")]).unwrap();
    let values = headers.values(&claims(&json!({ "sub": "jane" }))).unwrap();
    let (edits, pace) = watch(|| headers.edits(&request, &values));
    assert_eq!(edits.iter().count(), 60_001);
    assert!(pace.safe_points >= 9, "{pace:?}");
    assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
}

#[test]
fn without_the_options_nobody_is_asked() {
    let headers = ClaimHeaders::default();
    let values = headers.values(&claims(&json!({ "sub": "a\n" }))).unwrap();
    assert_eq!(
        (values.size(), headers.edits(&request(&["X-User"]), &values)),
        (0, Edits::none())
    );
}

#[test]
fn mistakes_are_named() {
    for (map, field, what) in [
        (
            &[("X User", "sub")] as &[(&str, &str)],
            "forwardHeaders.X User",
            "not a header name",
        ),
        (&[("", "sub")], "forwardHeaders.", "not a header name"),
        (
            &[("Content-length", "sub")],
            "forwardHeaders.Content-length",
            "meaning of its own",
        ),
        (
            &[("content_length", "sub")],
            "forwardHeaders.content_length",
            "meaning of its own",
        ),
        (
            &[("Authorization", "sub")],
            "forwardHeaders.Authorization",
            "meaning of its own",
        ),
        (
            &[("X-User", "a"), ("X_User", "b")],
            "forwardHeaders.X_User",
            "one name to many backends",
        ),
        (&[("X-User", "a..b")], "forwardHeaders.X-User", "empty name"),
        (&[("X-User", "")], "forwardHeaders.X-User", "empty name"),
    ] {
        let error = headers(map).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    let none = BTreeMap::new();
    let username = |claim, header| ClaimHeaders::new(&none, claim, header);
    assert_eq!(username("a..b", "X-User").unwrap_err().field(), "usernameClaim");
    assert_eq!(username("sub", "Host").unwrap_err().field(), "usernameHeader");
    assert_eq!(username("", "Host"), Ok(ClaimHeaders::default()));
}
