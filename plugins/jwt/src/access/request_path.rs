//! The path of a request, if all servers read it the same way.

use std::borrow::Cow;

use middleware::percent;

use super::characters::{has_one_meaning, is_joiner};
use super::marks::is_mark;

/// A decoded path that any two servers split into the same segments. It has no empty segments, no dot segments, and no
/// path parameters, and each character can be written in only one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'r>(Cow<'r, str>);

impl<'r> RequestPath<'r> {
    /// Reads the path of a URI as the host passes it. Returns `None` if two servers may read it differently, which is
    /// the case for:
    ///
    /// * an escaped `/`, `\`, `%`, `;`, `?`, `#`, or control character, which some servers decode and others do not;
    /// * a literal `\`, which some servers take for `/`, or `;`, which some take for the start of parameters;
    /// * an escape of a character that does not need one (RFC 3986 §2.3);
    /// * a segment that is empty or has only dots, spaces, and marks;
    /// * bytes that are not UTF-8, and non-ASCII characters that may become a separator (see [`has_one_meaning`]);
    /// * more than 8 KiB, which some servers accept and others cut off or refuse.
    ///
    /// One slash at the end makes no difference.
    pub fn read(uri: &'r [u8]) -> Option<Self> {
        let path = uri.split(|&byte| byte == b'?').next().unwrap_or_default();
        if path.len() > LONGEST {
            return None;
        }
        // The usual path needs no decoding.
        let path = match path.iter().all(|&byte| has_one_meaning_unescaped(byte)) {
            true => Cow::Borrowed(std::str::from_utf8(path).ok()?),
            false => Cow::Owned(decode(path)?),
        };
        let inner = path.strip_prefix('/')?;
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let plain = &*path == "/" || inner.split('/').all(is_plain);
        plain.then_some(Self(path))
    }

    /// The segments of the path. `/` has none.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        // There is nothing before the first slash, nor after the last one if the path ends with it.
        self.0.split('/').filter(|segment| !segment.is_empty())
    }
}

/// The longest accepted path, in bytes.
const LONGEST: usize = 8 * 1024;

fn decode(path: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        let (byte, escaped) = match byte {
            b'%' => (percent::pair(bytes.next()?, bytes.next()?)?, true),
            byte => (byte, false),
        };
        let has_one_meaning = match escaped {
            false => has_one_meaning_unescaped(byte),
            true => {
                !matches!(byte, b'\\' | b'%' | b';' | b'?' | b'#' | b'/' | 0..0x20 | 0x7f)
                    && !needs_no_escape(byte)
            }
        };
        if !has_one_meaning {
            return None;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

/// Returns whether all servers read this byte alike if it stands in a path as it is.
const fn has_one_meaning_unescaped(byte: u8) -> bool {
    !matches!(byte, b'\\' | b'%' | b';' | b'?' | b'#' | 0..0x20 | 0x7f..)
}

/// The unreserved characters (RFC 3986 §2.3).
const fn needs_no_escape(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Returns whether every server keeps this decoded segment as it is.
pub(super) fn is_plain(segment: &str) -> bool {
    if segment.is_ascii() {
        return segment.bytes().any(|byte| !matches!(byte, b'.' | b' ' | b'+'));
    }
    let is_ignored = |char: char| matches!(char, '.' | ' ' | '+') || is_mark(char) || is_joiner(char);
    segment.chars().any(|char| !is_ignored(char))
        && segment
            .chars()
            .all(|char| char.is_ascii() || has_one_meaning(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_reads_alike_is_read() {
        for (uri, segments) in [
            ("/", &[][..]),
            ("/?x=/../;", &[]),
            ("/hr", &["hr"]),
            ("/hr/", &["hr"]),
            ("/hr/a.b/..c/d..", &["hr", "a.b", "..c", "d.."]),
            ("/hr/a%20b/c+d", &["hr", "a b", "c+d"]),
            ("/a@b/%40/(c)!$&'*,=:~", &["a@b", "@", "(c)!$&'*,=:~"]),
            ("/m%C3%BCller/%E6%9D%B1%E4%BA%AC", &["müller", "東京"]),
            ("/.well-known/x?%", &[".well-known", "x"]),
            (
                "/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80",
                &["हिन्दी"],
            ),
            ("/cafe%CC%81", &["cafe\u{301}"]),
            ("/l%E2%80%99an/1%E2%80%932", &["l’an", "1–2"]),
        ] {
            let path = RequestPath::read(uri.as_bytes()).unwrap_or_else(|| panic!("{uri}"));
            assert_eq!(path.segments().collect::<Vec<_>>(), segments, "{uri}");
        }
    }

    #[test]
    fn a_path_is_not_read_without_limit() {
        let path = |length: usize| format!("/{}?{}", "a".repeat(length - 1), "q".repeat(9000));
        assert!(RequestPath::read(path(LONGEST).as_bytes()).is_some());
        assert_eq!(RequestPath::read(path(LONGEST + 1).as_bytes()), None);
    }

    #[test]
    fn what_two_servers_may_read_in_two_ways_is_refused() {
        for uri in [
            "",
            "hr",
            "*",
            "http://host/hr",
            "?x",
            "//",
            "//host/hr",
            "/hr//it",
            "/hr//",
            "/hr/../it",
            "/hr/./it",
            "/hr/..",
            "/hr/...",
            "/hr/.. /it",
            "/hr/..%20/it",
            "/hr/%20/it",
            "/hr/+/it",
            "/hr/%2e%2e/it",
            "/hr/%2E./it",
            "/%68r",
            "/hr%2Fit",
            "/hr%2fit",
            "/hr/..%2fit",
            "/hr%5cit",
            "/hr\\it",
            "/hr/..;/it",
            "/hr;x=1/it",
            "/hr%3bx",
            "/hr/%252e%252e/it",
            "/hr%25",
            "/hr%3fx",
            "/hr%23x",
            "/hr#x",
            "/hr%00",
            "/hr%0a",
            "/hr\u{1}",
            "/hr\u{7f}",
            "/hr%",
            "/hr%2",
            "/hr%zz",
            "/caf\u{e9}",
            "/hr/%c0%ae%c0%ae/it",
            "/hr/%ff",
            "/hr/%EF%BC%8E%EF%BC%8E/it", // ．．
            "/hr%EF%BC%8Fit",            // ／
            "/hr/%E2%80%A5/it",          // ‥
            "/hr/%E2%80%A4%E2%80%A4/it", // ․․
            "/hr%E2%80%8B",              // zero width space
            "/hr/%CC%88/it",             // a combining mark alone
            "/hr/.%CC%88./it",
            "/hr/1%C2%BD", // ½
        ] {
            assert_eq!(RequestPath::read(uri.as_bytes()), None, "{uri}");
        }
    }
}
