use std::rc::Rc;

use egress::Platform;
use egress::platform::Native;
use jwt_simple::prelude::*;
use middleware::{Decision, Edit, Middleware};
use test_doubles::{Request, decide};

use crate::Gateway;

const SECRET: &str = "a secret of 32 bytes or even more";

fn platform() -> Rc<dyn Platform> {
    Rc::new(Native::new("/nonexistent", |_| {}))
}

fn gateway(config: &str) -> Gateway {
    Gateway::new(config.as_bytes(), platform).unwrap()
}

fn token() -> String {
    let claims = Claims::create(Duration::from_mins(5)).with_issuer("https://idcs");
    let key = HS256Key::from_bytes(SECRET.as_bytes());
    key.authenticate(claims).unwrap()
}

const JWT: &str = r#""jwt": {"signingSecret": "a secret of 32 bytes or even more", "algorithms": "HS256"}"#;
const REWRITE: &str = r#""pathRewrite": {"regex": "^/echo(.*)", "replacement": "/ic$1"}"#;

#[test]
fn every_block_does_its_part_in_order() {
    let mut all = gateway(&format!("{{ {JWT}, {REWRITE} }}"));
    let uri = "/echo/hello?x=1";
    let Decision::Forward(edits) = decide(&mut all, &Request::get(uri).with_bearer(&token())) else {
        panic!("refused");
    };
    let edits: Vec<Edit> = edits.iter().cloned().collect();
    assert_eq!(
        edits,
        [
            Edit::RemoveHeader("Authorization".into()),
            Edit::AddHeader("X-Replaced-Path".into(), "/echo/hello".into()),
            Edit::SetUri("/ic/hello?x=1".into()),
        ]
    );
    let Decision::Reply(reply) = decide(&mut all, &Request::get(uri)) else {
        panic!("passed");
    };
    assert_eq!(reply.status, 401, "the middlewares after it do not run");
}

#[test]
fn an_absent_block_is_left_out() {
    let mut rewrite = gateway(&format!("{{ {REWRITE} }}"));
    assert!(matches!(
        decide(&mut rewrite, &Request::get("/echo")),
        Decision::Forward(_)
    ));
}

#[test]
fn a_wrong_option_is_named_with_its_block() {
    for (config, field) in [
        ("{}".to_owned(), "configuration"),
        (r#"{"jwt": null}"#.to_owned(), "configuration"),
        (r#"{"jtw": {}}"#.to_owned(), "jtw"),
        (
            format!(r#"{{ {REWRITE}, "jwt": {{"audience": "x"}} }}"#),
            "jwt.audience",
        ),
        (format!(r#"{{ {REWRITE}, "jwt": "" }}"#), "jwt"),
        (format!(r#"{{ {REWRITE}, "jwt": [] }}"#), "jwt"),
        (
            format!(r#"{{ {JWT}, "oAuthClientCredentials": {{}} }}"#),
            "oAuthClientCredentials.url",
        ),
        (
            format!(r#"{{ {JWT}, "pathRewrite": {{"regex": "(", "replacement": "/x"}} }}"#),
            "pathRewrite.regex",
        ),
    ] {
        let error = Gateway::new(config.as_bytes(), platform)
            .err()
            .unwrap_or_else(|| panic!("{config}"));
        assert!(error.field().starts_with(field), "{config}: {error}");
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

#[test]
fn the_catalogue_manifests_are_taken() {
    for file in ["../../.traefik.yml", ".traefik.yml"] {
        let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        let manifest: serde_json::Value =
            serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        gateway(&manifest["testData"].to_string());
    }
}
