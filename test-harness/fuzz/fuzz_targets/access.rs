//! Paths and a table of rules. If a rule lets a path through, no server, however careless, reads it as a path of
//! another rule.
//!
//! The input is a path with its query. A pattern may follow after a line break; it is read or refused.
#![no_main]

use jose::Claims;
use jwt_plugin::{Access, AccessRule, OnDeny, PathPattern};
use libfuzzer_sys::fuzz_target;
use test_doubles::Request;

fn rule(path: PathPattern, scope: &str) -> AccessRule {
    AccessRule {
        methods: Vec::new(),
        path,
        any_scope: if scope.is_empty() {
            Vec::new()
        } else {
            vec![scope.to_owned()]
        },
        all_scopes: Vec::new(),
        claims: None,
        on_deny: OnDeny::Forbidden,
    }
}

fn lets_through(rules: Vec<AccessRule>, uri: &[u8]) -> bool {
    let access = Access::new(rules, OnDeny::Forbidden);
    let satisfied = access.satisfied(&Claims::default()).unwrap();
    access.judge(&Request::get(uri), satisfied).is_ok()
}

/// One round of percent-decoding by a server that leaves invalid escapes alone.
fn decode(path: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (mut decoded, mut rest) = (Vec::new(), path);
    while let [first, after @ ..] = rest {
        match after {
            [high, low, ..] if *first == b'%' && hex(*high).is_some() && hex(*low).is_some() => {
                decoded.push(hex(*high).unwrap() << 4 | hex(*low).unwrap());
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// Splits a path into segments like a careless server. It decodes `rounds` times, treats `\` as `/`, drops parameters,
/// text after a NUL, and blanks and dots at the end of a name, folds case, and resolves dot segments.
fn careless(path: &[u8], rounds: usize) -> Vec<String> {
    let mut path = path.to_vec();
    for _ in 0..rounds {
        path = decode(&path);
    }
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split(|byte| b"/\\".contains(byte)) {
        let name = segment.split(|byte| b";?#\0".contains(byte)).next().unwrap();
        match name {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => {
                let name = String::from_utf8_lossy(name).to_lowercase();
                segments.push(name.trim_end_matches(['.', ' ']).to_owned());
            }
        }
    }
    segments
}

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(2, |&byte| byte == b'\n');
    let uri = lines.next().unwrap_or_default();
    let path = uri.split(|&byte| byte == b'?').next().unwrap();
    let subtree = || PathPattern::parse("/hr/**").unwrap();
    let outside = lets_through(
        vec![
            rule(subtree(), "hr"),
            rule(PathPattern::parse("/**").unwrap(), ""),
        ],
        uri,
    );
    let inside = lets_through(vec![rule(subtree(), "")], uri);
    assert!(!(outside && inside));
    for rounds in 0..4 {
        let is_hr = careless(path, rounds).first().is_some_and(|first| first == "hr");
        assert!(!outside || !is_hr, "{:?}", String::from_utf8_lossy(uri));
        assert!(!inside || is_hr, "{:?}", String::from_utf8_lossy(uri));
    }
    // A valid pattern without wildcards covers the path that it spells.
    let text = lines.next().map(String::from_utf8_lossy).unwrap_or_default();
    if let Ok(pattern) = PathPattern::parse(&text)
        && !text.contains('*')
    {
        let spelt: String = text
            .bytes()
            .map(|byte| match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        assert!(
            lets_through(vec![rule(pattern, "")], spelt.as_bytes()),
            "{text} {spelt}"
        );
    }
});
