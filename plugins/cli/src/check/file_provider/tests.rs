//! Tests what Traefik reads from a file. The end-to-end test `check` gives the same files and more to a running
//! Traefik.

use super::*;
use crate::check::yaml::decode::decode;
use crate::check::yaml::dialect::Dialect;
use crate::check::yaml::syntax::read;
use serde_json::{Value, json};

fn load(text: &str) -> Result<Value, Fault> {
    let (documents, fault) = read(text);
    assert_eq!(fault, None, "{text}");
    let (raw, _) = decode(&documents[0], Dialect::Traefik).unwrap();
    dynamic(&raw).map(|node| node.to_json())
}

fn router(settings: &str) -> Result<Value, Fault> {
    load(&format!("http: {{routers: {{r: {settings}}}}}")).map(|all| all["http"]["routers"]["r"].clone())
}

fn plugin(options: &str) -> Result<Value, Fault> {
    load(&format!(
        "http: {{middlewares: {{m: {{plugin: {{p: {options}}}}}}}}}"
    ))
    .map(|all| all["http"]["middlewares"]["m"]["plugin"]["p"].clone())
}

#[test]
fn names_of_settings_are_read_without_regard_to_case_and_those_of_things_are_not() {
    let text = "HTTP: {Routers: {R: {MIDDLEWARES: [a], Rule: x}}}";
    assert_eq!(
        load(text).unwrap(),
        json!({"http": {"routers": {"R": {"middlewares": ["a"], "rule": "x"}}}})
    );
    let twice = "HTTP: {routers: {a: {rule: x}, b: {rule: x}}}\nhttp: {routers: {a: {service: y}}}";
    assert_eq!(
        load(twice).unwrap()["http"]["routers"],
        json!({"b": {"rule": "x"}, "a": {"service": "y"}})
    );
}

#[test]
fn a_list_of_texts_may_be_one_text_with_commas() {
    for (written, read) in [
        ("[a, b]", json!(["a", "b"])),
        ("'a, b'", json!(["a", "b"])),
        ("a", json!(["a"])),
        ("['a,b']", json!(["a,b"])),
        ("[' a ']", json!(["a"])),
        ("[1, true]", json!(["1", "true"])),
        ("''", json!([])),
        ("[]", json!([])),
        // A block of names gives an empty list.
        ("{a: b}", json!([])),
    ] {
        let read_here = router(&format!("{{middlewares: {written}}}")).unwrap();
        assert_eq!(read_here["middlewares"], read, "{written}");
    }
    assert!(router("{middlewares: [{name: a}]}").is_err());
}

#[test]
fn what_traefik_does_not_know_makes_it_refuse_the_file() {
    for text in [
        "http: {routers: {r: {middleware: [a]}}}",
        "http: {router: {r: {rule: a}}}",
        "http: {middlewares: {m: {plugins: {p: {a: b}}}}}",
        "http: {middlewares: {m: {chain: {names: [a]}}}}",
        "http: {middlewares: {}}",
        "http: {}",
        "http: text",
        "http: {middlewares: {m: {plugin: {p: ~}}}}",
        "http: {routers: {r: {priority: high}}}",
        "http: {routers: {r: {rule: {a: b}}}}",
        "[a]",
    ] {
        assert!(load(text).is_err(), "{text}");
    }
    for text in ["http: ~", "other: {a: b}", "http: {routers: {r: {}}}"] {
        assert!(load(text).is_ok(), "{text}");
    }
}

#[test]
fn options_lose_their_types_except_in_lists() {
    for (written, read) in [
        ("{a: true}", json!({"a": "true"})),
        ("{a: no}", json!({"a": "no"})),
        ("{a: 12345678}", json!({"a": "12345678"})),
        ("{a: 0x10}", json!({"a": "16"})),
        ("{a: 1_000}", json!({"a": "1000"})),
        ("{a: 1.5}", json!({"a": "1.500000"})),
        ("{a: 1e3}", json!({"a": "1000"})),
        ("{a: .inf}", json!({"a": "+Inf"})),
        ("{a: ~, b: x}", json!({"b": "x"})),
        ("{a: {}}", json!({"a": ""})),
        ("{a: []}", json!({"a": ""})),
        ("{a: [y, 1]}", json!({"a": ["y", "1"]})),
        ("{a: [1, 2]}", json!({"a": [1, 2]})),
        ("{a: [1.5, 2]}", json!({"a": [1.5, 2]})),
        ("{a: [true, false]}", json!({"a": [true, false]})),
        ("{a: {b: [x], c: 1}}", json!({"a": {"b": ["x"], "c": "1"}})),
        (
            "{a: [{b: 1}, {c: [x]}]}",
            json!({"a": [{"b": "1"}, {"c": ["x"]}]}),
        ),
        (
            "{a: {b: [{c: [x, y]}]}}",
            json!({"a": {"b": [{"c": ["x", "y"]}]}}),
        ),
        // A block with a member of the same name is unpacked.
        ("{a: {a: x, b: y}}", json!({"a": "x", "b": "y"})),
    ] {
        assert_eq!(plugin(written).unwrap(), read, "{written}");
    }
    for written in [
        "{a: [2024-01-01]}",
        "{a: 2024-01-01}",
        "{a: [~]}",
        "{a: [[x]]}",
        "{a: [true, 1]}",
        "{a: [1.5, true]}",
        "{a: x║y}",
        "{'': x}",
    ] {
        assert!(plugin(written).is_err(), "{written}");
    }
}

#[test]
fn a_refusal_says_where() {
    let fault = load("http:\n  routers:\n    r:\n      middleware: [a]\n").unwrap_err();
    assert_eq!((fault.place.line, fault.place.column), (4, 7));
}
