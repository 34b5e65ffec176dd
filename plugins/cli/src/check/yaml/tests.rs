//! Tests scalars, keys, and merges in both dialects.
//!
//! The results for kubectl come from kubectl 1.32: `kubectl annotate --local -f FILE -o json x=y`. The end-to-end test
//! `check` compares those for Traefik with a running Traefik.

use super::decode::decode;
use super::dialect::Dialect;
use super::syntax::read;
use crate::check::document::Node;
use crate::check::place::{Fault, Place};
use crate::check::raw::{Raw, RawValue};
use serde_json::{Value, json};

fn only(text: &str, dialect: Dialect) -> Result<Raw, Fault> {
    let (documents, fault) = read(text);
    match (documents.first(), fault) {
        (Some(document), None) => decode(document, dialect).map(|(raw, _)| raw),
        (_, fault) => Err(fault.unwrap()),
    }
}

fn kubectl(text: &str) -> Value {
    Node::from(only(text, Dialect::Kubectl).unwrap()).to_json()
}

fn traefik(text: &str) -> RawValue {
    only(text, Dialect::Traefik).unwrap().value
}

#[test]
fn kubectl_reads_scalars_of_yaml_1_1() {
    for (text, value) in [
        ("y", json!(true)),
        ("Yes", json!(true)),
        ("on", json!(true)),
        ("n", json!(false)),
        ("no", json!(false)),
        ("OFF", json!(false)),
        ("True", json!(true)),
        ("~", json!(null)),
        ("null", json!(null)),
        ("12345678", json!(12_345_678)),
        ("0777", json!(511)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000)),
        ("+1", json!(1)),
        ("-0x10", json!(-16)),
        ("08", json!(8)),
        (".5", json!(0.5)),
        ("1.", json!(1)),
        ("2024-01-01", json!("2024-01-01")),
        ("2024-01-01T00:00:00Z", json!("2024-01-01T00:00:00Z")),
        ("2024-13-01", json!("2024-13-01")),
        ("12:30", json!("12:30")),
        ("!!str 12", json!("12")),
        ("!!int \"3\"", json!(3)),
        ("!!float 3", json!(3)),
        ("!custom x", json!("x")),
        ("'no'", json!("no")),
        ("\"\"", json!("")),
        ("1-2", json!("1-2")),
        ("+", json!("+")),
        ("0x", json!("0x")),
    ] {
        assert_eq!(kubectl(&format!("a: {text}"))["a"], value, "{text}");
    }
    for text in [".inf", "!!int a"] {
        assert!(only(&format!("a: {text}"), Dialect::Kubectl).is_err(), "{text}");
    }
}

#[test]
fn traefik_reads_scalars_of_yaml_1_2_with_dates() {
    for text in ["y", "Yes", "on", "n", "no", "OFF"] {
        assert_eq!(
            traefik(&format!("[{text}]")),
            traefik(&format!("['{text}']")),
            "{text}"
        );
    }
    for text in [
        "2024-01-01",
        "2024-1-2",
        "2024-02-29",
        "2024-01-01T00:00:00Z",
        "2024-01-01t1:2:3.5+01:00",
        "2024-01-01 10:20:30",
    ] {
        let value = traefik(&format!("a: {text}"));
        let RawValue::Block(members) = value else { panic!() };
        assert_eq!(members[0].value.value, RawValue::Time(text.to_owned()));
    }
    for text in [
        "2023-02-29",
        "2024-13-01",
        "24-01-01",
        "2024-01",
        "2024-01-01T00:00:00",
        "2024-01-01 25:00:00",
        "v2024-01-01",
    ] {
        let value = traefik(&format!("a: {text}"));
        let RawValue::Block(members) = value else { panic!() };
        assert_eq!(members[0].value.value, RawValue::Text(text.to_owned()));
    }
}

#[test]
fn merges_differ() {
    let base = "base: &b {one: 1, two: 2}\n";
    for (merge, of_kubectl, of_traefik) in [
        (
            "{two: own, <<: *b}",
            json!({"one": 1, "two": 2}),
            json!({"one": 1, "two": "own"}),
        ),
        (
            "{<<: *b, two: own}",
            json!({"one": 1, "two": "own"}),
            json!({"one": 1, "two": "own"}),
        ),
        (
            "{<<: [*b, {one: other, three: 3}]}",
            json!({"one": 1, "two": 2, "three": 3}),
            json!({"one": 1, "two": 2, "three": 3}),
        ),
    ] {
        let text = format!("{base}m: {merge}\n");
        assert_eq!(kubectl(&text)["m"], of_kubectl, "{merge}");
        let read = Node::from(only(&text, Dialect::Traefik).unwrap()).to_json();
        assert_eq!(read["m"], of_traefik, "{merge}");
    }
    for merge in ["{<<: 1}", "{<<: [1]}"] {
        assert!(only(merge, Dialect::Traefik).is_err(), "{merge}");
        assert!(only(merge, Dialect::Kubectl).is_err(), "{merge}");
    }
}

#[test]
fn keys_given_twice_are_refused_by_one_and_counted_by_the_other() {
    let text = "dup: {a: 1, 'a': 2}\n";
    assert_eq!(kubectl(text), json!({"dup": {"a": 2}}));
    let fault = only(text, Dialect::Traefik).unwrap_err();
    assert_eq!(fault.place, Place { line: 1, column: 13 });
    let (documents, _) = read(text);
    let (_, remarks) = decode(&documents[0], Dialect::Kubectl).unwrap();
    assert_eq!(remarks.len(), 1);
}

#[test]
fn keys_that_are_not_texts_become_texts_of_their_own() {
    assert_eq!(
        kubectl("{1: a, 1.5: b, yes: c}"),
        json!({"1": "a", "1.5": "b", "true": "c"})
    );
    let RawValue::Block(members) = traefik("{1: a, yes: c, true: d, ~: e}") else {
        panic!()
    };
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["<int Value>", "yes", "<bool Value>"]);
    assert!(only("~: 1", Dialect::Kubectl).is_err());
}

#[test]
fn aliases_of_aliases_do_not_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", "));
    }
    for dialect in [Dialect::Traefik, Dialect::Kubectl] {
        let fault = only(&text, dialect).unwrap_err();
        assert!(fault.what.contains("excessive aliasing"), "{fault:?}");
    }
    assert!(only("a: &a [*a]", Dialect::Traefik).is_err());
    assert!(only("a: *nobody", Dialect::Traefik).is_err());
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(only(&deep, Dialect::Traefik).is_err());
}

/// The results come from yaml.v3 3.0.1, which Traefik 3.7 uses; `None` means refused. If this check refuses a file that
/// Traefik accepts, a user notices at once. The other way round, the check would find nothing wrong in a file that
/// Traefik does not load.
#[test]
fn the_syntax_is_that_of_gos_reader() {
    let cases: &[(&str, Option<Value>)] = &[
        ("a:\r\n  b: x\r\n", Some(json!({"a": {"b": "x"}}))),
        ("a:\n  m:\n  - a\n  - b\n", Some(json!({"a": {"m": ["a", "b"]}}))),
        (
            "h: {r: {\nrN: {rule: x\n}}}",
            Some(json!({"h": {"r": {"rN": {"rule": "x"}}}})),
        ),
        (
            "a:\n  r: A\n    && B\n  b: 1\n",
            Some(json!({"a": {"r": "A && B", "b": 1}})),
        ),
        ("a:\n  r: x\t\n  b: 1\n", Some(json!({"a": {"r": "x", "b": 1}}))),
        ("a:\n  r:\tx\n", Some(json!({"a": {"r": "x"}}))),
        ("a:\n  r: x\n\t\n  b: 1\n", None),
        ("a:\n  r: x\n  \t\n  b: 1\n", None),
        ("a:\n  r: 'x'\n\t\n  b: 1\n", None),
        ("a:\n\t\n  b: 1\n", None),
        ("a:\n  b: 1\n  \t# c\n  c: 1\n", None),
        ("a:\n  b: 1\n\t", None),
        ("\t\na: 1\n", None),
        ("a: |\n  x\n\t\n  y\n", None),
        ("a: |\n  x\n  \ty\n", Some(json!({"a": "x\n\ty\n"}))),
        ("a: x\n  \ty\n", Some(json!({"a": "x y"}))),
        ("a:\n  b: x\t# c\n", Some(json!({"a": {"b": "x"}}))),
        ("%YAML 1.1\n---\na: 1\n", Some(json!({"a": 1}))),
        ("%YAML 1.2\n---\na: 1\n", None),
        ("? h\n: {r: x}\n", Some(json!({"h": {"r": "x"}}))),
        ("a: 'x\n  y'\n", Some(json!({"a": "x y"}))),
        ("a: ! no\n", Some(json!({"a": "no"}))),
        ("&x h: {a: *x}\n", Some(json!({"h": {"a": "h"}}))),
        ("a: [b, c,]\n", Some(json!({"a": ["b", "c"]}))),
        ("a: [b\n,c]\n", Some(json!({"a": ["b", "c"]}))),
        ("a: {b, c: d}\n", Some(json!({"a": {"b": null, "c": "d"}}))),
        ("a: {b:c}\n", Some(json!({"a": {"b:c": null}}))),
        ("a: {\"b\":c}\n", Some(json!({"a": {"b": "c"}}))),
        ("a: [b: c]\n", Some(json!({"a": [{"b": "c"}]}))),
        ("a: @x\n", None),
        ("a: `x`\n", None),
        ("a: %x\n", None),
        ("a: -x\n", Some(json!({"a": "-x"}))),
        ("a: - x\n", None),
        ("a: b: c\n", None),
        ("a: \"\\x41\\t\"\n", Some(json!({"a": "A\t"}))),
        ("a: \"b\\/c\"\n", None),
        ("a: \"\\q\"\n", None),
        ("a: x\n b: y\n", None),
        ("a:\n    b: 1\n  c: 2\n", None),
        ("a: |2\n   x\n", Some(json!({"a": " x\n"}))),
        ("a: !!set {x, y}\n", Some(json!({"a": {"x": null, "y": null}}))),
        ("a: !<tag:yaml.org,2002:int> 3\n", Some(json!({"a": 3}))),
        ("a: \"x\n\n  y\"\n", Some(json!({"a": "x\ny"}))),
        ("a: [x] y\n", None),
        ("- a\nb: c\n", None),
        ("a: &x 1\nb: &x 2\nc: *x\n", Some(json!({"a": 1, "b": 2, "c": 2}))),
        ("a: *x\nx: &x 1\n", None),
        ("'a' : 1\n", Some(json!({"a": 1}))),
        ("a:\n- b\n -c\n", Some(json!({"a": ["b -c"]}))),
        ("a: # c\n  b\n", Some(json!({"a": "b"}))),
        ("a: b#c\n", Some(json!({"a": "b#c"}))),
        ("a: \u{a0}x\n", Some(json!({"a": "\u{a0}x"}))),
        ("a: x\u{7}\n", None),
        ("<<: {a: 1}\n", Some(json!({"a": 1}))),
        (
            "a: {b: 1, <<: {b: 2, c: 3}, d: 4}\n",
            Some(json!({"a": {"b": 1, "c": 3, "d": 4}})),
        ),
        ("a: \"b\"c\n", None),
        ("a:\n  - b\n  c: d\n", None),
        ("a: [1, 2\nb: 3\n", None),
        ("a: !!binary aGk=\n", Some(json!({"a": "hi"}))),
        ("--- {a: 1}\n", Some(json!({"a": 1}))),
        ("a: {'b':1,'c':2}\n", Some(json!({"a": {"b": 1, "c": 2}}))),
        ("a: >-\n  x\n\n  y\n", Some(json!({"a": "x\ny"}))),
    ];
    let mut differences = Vec::new();
    for (text, expected) in cases {
        let read = only(text, Dialect::Traefik).map(|raw| Node::from(raw).to_json());
        match (&read, expected) {
            (Ok(read), Some(expected)) if read == expected => {}
            (Err(_), None) => {}
            _ => differences.push(format!("{text:?}: {read:?}, and Go reads {expected:?}")),
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Go accepts these, but nobody writes them, and a user would notice a needless refusal.
#[test]
fn tabs_before_continued_lines_are_refused_here_alone() {
    for text in ["a: [\n\tb,\n\tc]\n", "a: 'x\n\ty'\n"] {
        assert!(only(text, Dialect::Traefik).is_err(), "{text:?}");
    }
}
