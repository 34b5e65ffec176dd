//! Compares the plugin's decisions with recorded answers of Traefik 3.7.15's own `replacePathRegex`.
//!
//! Each case of `rewrite_cases.json` is one request through a real Traefik:
//! - `path`: what the client requested.
//! - `seen`: what the middleware received (`null` if the request was refused before).
//! - `expect`: Traefik's answer: `status`, and what the backend received: `target` and `replaced` (X-Replaced-Path).
//!   404 means that Traefik could not compile the regex and dropped the router.
//! - `ours`: this plugin's answer, given only where it differs on purpose: 400 for a refused result, 500 for a refused
//!   configuration.

use std::rc::Rc;

use middleware::{Decision, Edit, Middleware};
use path_rewrite_plugin::rules::{Rules, TooMuchWork};
use path_rewrite_plugin::target::{self, Refusal};
use path_rewrite_plugin::{PathRewrite, REPLACED_PATH_HEADER, config};
use serde_json::{Value, json};
use test_doubles::{Request, TestHost, decide};

const CASES: &str = include_str!("../../../test-harness/e2e/tests/data/rewrite_cases.json");

#[test]
fn every_request_fares_as_in_traefik_or_is_refused_on_purpose() {
    let mut wrong = Vec::new();
    for case in cases() {
        let answer = answer(&case);
        let expected = case.get("ours").unwrap_or(&case["expect"]);
        if answer != *expected {
            wrong.push(format!("{case}\n   but the plugin: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// A deviation must not hide a different match, so the new path is checked even if the result is then refused.
#[test]
fn every_deviation_has_a_reason() {
    let (mut relative, mut climbing, mut malformed, mut costly) = (0, 0, 0, 0);
    for case in cases() {
        let (Some(400), Some(seen)) = (case["ours"]["status"].as_u64(), case["seen"].as_str()) else {
            continue;
        };
        let rules = Rules::new(config::parse(options(&case).as_bytes()).unwrap()).unwrap();
        let (path, query) = target::split(seen.as_bytes());
        let applied = rules.apply(std::str::from_utf8(path).unwrap());
        if let Err((_, why)) = applied {
            assert!(matches!(why, TooMuchWork::LongPath { .. }), "{case}: {why}");
            costly += 1;
            continue;
        }
        let new = applied.unwrap().unwrap().path;
        match (
            target::build(new.clone(), query).unwrap_err(),
            case["expect"]["target"].as_str(),
        ) {
            // Traefik forwards a result without a leading `/` unchanged. If it looks like `scheme:`, Traefik forwards
            // `/`.
            (Refusal::NotAbsolute, Some("/")) if new.contains(':') => {}
            (Refusal::NotAbsolute, Some(theirs)) => {
                assert_eq!(
                    target::build(format!("/{new}"), query),
                    Ok(format!("/{theirs}")),
                    "{case}"
                );
                relative += 1;
            }
            (Refusal::DotSegment, Some(theirs)) => {
                assert!(
                    theirs == new || theirs == new.replace('\\', "%5C"),
                    "{new}: {case}"
                );
                climbing += 1;
            }
            (Refusal::BadEscape, None) => {
                assert_eq!(case["expect"]["status"], 500, "{case}");
                malformed += 1;
            }
            (refusal, _) => unreachable!("{refusal}: {case}"),
        }
    }
    assert!(
        relative > 30 && climbing > 15 && malformed > 5 && costly == 2,
        "{relative} {climbing} {malformed} {costly}"
    );
}

#[test]
fn every_regex_that_go_refuses_is_refused() {
    let mut refused = 0;
    for case in cases() {
        if case["expect"]["status"] == 404 {
            assert_eq!(case["ours"], json!({"status": 500}), "{case}");
            refused += 1;
        }
    }
    assert!(refused > 70, "{refused}");
}

fn cases() -> Vec<Value> {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap_or_default();
    assert!(cases.len() > 600);
    cases
}

fn options(case: &Value) -> String {
    json!({"regex": case["regex"], "replacement": case["replacement"]}).to_string()
}

/// Returns the plugin's answer in the form of the recorded ones.
fn answer(case: &Value) -> Value {
    let Ok(mut middleware) = PathRewrite::new(options(case).as_bytes(), Rc::new(TestHost::new())) else {
        return json!({"status": 500});
    };
    let Some(seen) = case["seen"].as_str() else {
        return json!({"status": 400});
    };
    match decide(&mut middleware, &Request::get(seen)) {
        Decision::Reply(reply) => json!({"status": reply.status}),
        Decision::Forward(edits) => {
            let edits: Vec<_> = edits.iter().collect();
            match edits.as_slice() {
                [] => json!({"status": 200, "target": seen}),
                [Edit::AddHeader(name, replaced), Edit::SetUri(target)] if name == REPLACED_PATH_HEADER => {
                    json!({"status": 200, "target": **target, "replaced": **replaced})
                }
                other => unreachable!("{other:?}"),
            }
        }
    }
}
