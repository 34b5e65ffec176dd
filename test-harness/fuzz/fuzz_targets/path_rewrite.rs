//! Rewritten paths. Whatever a caller sends, the new request target does not climb out of its base path for any reader.
//!
//! The input is three lines: a regex, a replacement, and a path with its query. The path is also rewritten with the
//! gateway's usual rule.
#![no_main]

use std::rc::Rc;

use fuzz::Machine;
use libfuzzer_sys::fuzz_target;
use middleware::{Decision, Edit, Middleware as _};
use path_rewrite_plugin::{PathRewrite, REPLACED_PATH_HEADER};
use serde_json::json;
use test_doubles::{Request, decide};

const BASE: &str = "/ic/api/integration/v1/flows/rest/ECHO/1.0";

/// Returns the new target. `None` if the rule is invalid, no rule matches the path, or the path is refused.
fn rewritten(regex: &str, replacement: &str, uri: &[u8]) -> Option<String> {
    let config = json!({ "regex": regex, "replacement": replacement }).to_string();
    let mut plugin = PathRewrite::new(config.as_bytes(), Rc::new(Machine::default())).ok()?;
    let Decision::Forward(edits) = decide(&mut plugin, &Request::get(uri)) else {
        return None;
    };
    let edits: Vec<&Edit> = edits.iter().collect();
    match edits.as_slice() {
        [] => None,
        [Edit::AddHeader(name, old), Edit::SetUri(new)] => {
            assert_eq!(&**name, REPLACED_PATH_HEADER);
            assert_eq!(old.as_bytes(), uri.split(|&byte| byte == b'?').next().unwrap());
            Some(new.to_string())
        }
        other => panic!("{other:?}"),
    }
}

/// One round of decoding by a server that decodes everything that looks like an encoding.
fn decode(path: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        let (byte, length) = match rest {
            [b'%', high, low, ..] if hex(*high).is_some() && hex(*low).is_some() => {
                (hex(*high).unwrap() << 4 | hex(*low).unwrap(), 3)
            }
            // Overlong UTF-8 (RFC 3629 §10).
            [lead @ (0xc0 | 0xc1), last @ 0x80..=0xbf, ..] => ((lead & 1) << 6 | last & 0x3f, 2),
            [0xe0, middle @ (0x80 | 0x81), last @ 0x80..=0xbf, ..] => ((middle & 1) << 6 | last & 0x3f, 3),
            [0xf0, 0x80, middle @ (0x80 | 0x81), last @ 0x80..=0xbf, ..] => {
                ((middle & 1) << 6 | last & 0x3f, 4)
            }
            _ => {
                decoded.push(*first);
                rest = after;
                continue;
            }
        };
        decoded.push(byte);
        rest = &rest[length..];
    }
    decoded
}

fn climbs(path: &[u8]) -> bool {
    let dotted = path.split(|byte| b"/\\".contains(byte)).any(|segment| {
        let name = segment.split(|byte| b";?#\0".contains(byte)).next().unwrap();
        name == b"." || name == b".."
    });
    let next = decode(path);
    dotted || (next != path && climbs(&next))
}

fn check(target: &str, uri: &[u8]) {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    assert!(path.starts_with('/') && !path.contains("//"), "{target}");
    assert!(
        path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'),
        "{target}"
    );
    assert!(path.parse::<http::uri::PathAndQuery>().is_ok(), "{path:?}");
    // The query passes unchanged. Go accepts more in it than others do, for example `<`.
    assert!(
        query.is_none_or(|query| query.bytes().all(|byte| byte > b' ' && byte != 0x7f)),
        "{target:?}"
    );
    assert!(
        path.split('%')
            .skip(1)
            .all(|it| it.len() >= 2 && it.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
    );
    assert!(!climbs(path.as_bytes()), "{target}");
    let sent = uri.iter().position(|&byte| byte == b'?').map(|at| &uri[at + 1..]);
    assert_eq!(query.is_some(), sent.is_some());
    if let (Some(query), Some(Ok(sent))) = (query, sent.map(std::str::from_utf8)) {
        assert_eq!(query, sent);
    }
}

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let (Some(regex), Some(replacement), Some(uri)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    if let Some(target) = rewritten("^/echo(.*)$", &format!("{BASE}$1"), uri) {
        assert!(target.starts_with(BASE), "{target}");
        check(&target, uri);
    }
    if let (Ok(regex), Ok(replacement)) = (std::str::from_utf8(regex), std::str::from_utf8(replacement))
        && let Some(target) = rewritten(regex, replacement, uri)
    {
        check(&target, uri);
    }
});
