//! Turns a rewritten path into a request target, by the rules of Go's `net/url` and some stricter ones.
//!
//! Go keeps a path unchanged if every byte is allowed in a path. Otherwise it decodes the whole path and escapes it
//! again (`URL.EscapedPath`). Backends therefore receive the same bytes as behind Traefik's own middleware. Unlike
//! Traefik, this module also refuses every dot segment, however it is encoded, and a path without a leading `/`.

use middleware::{percent, work};

/// Why a rewritten path is not an acceptable request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is a `%` without two hexadecimal digits after it.
    #[error("the new path has a % without two hexadecimal digits after it: write %25 for a percent sign")]
    BadEscape,
    /// There is a control character or a space in the query.
    #[error("the query has a control character or a space")]
    BadQuery,
    /// There is a segment that some server treats as `.` or `..`.
    #[error("the new path has a dot segment (. or .., in some encoding)")]
    DotSegment,
    /// There is a `//`, which servers collapse or treat as the start of a host name.
    #[error("the new path has two slashes in a row")]
    EmptySegment,
    /// There is no `/` at the start.
    #[error("the new path does not begin with /")]
    NotAbsolute,
}

/// Splits a URI from the host into its escaped path and its query, if there is one.
pub fn split(uri: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = uri.splitn(2, |&b| b == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

/// Builds the request target from the rewritten path `path` and the unchanged `query`. An empty path becomes `/`.
///
/// The result is safe for the host, which panics on a target that Go cannot parse. It begins with exactly one `/`, its
/// path contains only the bytes of RFC 3986 §3.3 and `[` and `]`, and every `%` begins a valid escape.
///
/// # Errors
/// [`Refusal`] says why the path is not acceptable.
pub fn build(path: String, query: Option<&[u8]>) -> Result<String, Refusal> {
    let mut target = match is_plain(&path) {
        true => path,
        false => checked(&path)?,
    };
    if let Some(query) = query {
        append_query(query, &mut target)?;
    }
    Ok(target)
}

/// Returns whether [`checked`] would return the path as it is, as it does for the usual path: an absolute path of
/// letters, digits, and `-`, `_`, `~` and `.`, in which every segment begins with something else than `.`.
fn is_plain(path: &str) -> bool {
    let mut before = b' ';
    let all = path.bytes().all(|byte| {
        let fits = match byte {
            b'/' | b'.' => before != b'/',
            byte => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~'),
        };
        before = byte;
        fits
    });
    all && path.starts_with('/')
}

/// Returns the path as Go sends it.
#[cold]
fn checked(path: &str) -> Result<String, Refusal> {
    work(8 * path.len());
    let decoded = percent::decode(path.as_bytes()).ok_or(Refusal::BadEscape)?;
    let mut target = String::with_capacity(path.len() + 1);
    if path.bytes().all(may_stand_in_path) {
        target.push_str(path);
    } else {
        decoded.iter().for_each(|&b| escape(b, &mut target));
    }
    if target.is_empty() {
        target.push('/');
    }
    if !target.starts_with('/') {
        return Err(Refusal::NotAbsolute);
    }
    if target.contains("//") {
        return Err(Refusal::EmptySegment);
    }
    if has_dot_segment(&decoded) {
        return Err(Refusal::DotSegment);
    }
    Ok(target)
}

/// Returns whether Go keeps this byte in a path that was already escaped (`validEncoded`).
fn may_stand_in_path(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@/[]%".contains(&b)
}

/// Appends one byte as Go escapes it in a path that was not escaped, where fewer bytes stay literal.
fn escape(b: u8, target: &mut String) {
    if b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b) {
        target.push(char::from(b));
    } else {
        percent::append_escaped(b, target);
    }
}

/// Returns true if some server might treat a segment as `.` or `..`: after any number of decodings, with `\` or an
/// overlong UTF-8 form in place of `/`, or with parameters after it (`..;x`).
fn has_dot_segment(decoded: &[u8]) -> bool {
    let bare = unescape_fully(decoded);
    bare.split(|b| matches!(b, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|b| matches!(b, b';' | b'?' | b'#' | 0)).next();
        matches!(name, Some(b"." | b".."))
    })
}

/// Decodes until nothing is left to decode, in one pass. Each byte that completes an escape, or the overlong form of an
/// ASCII character (including `%`), is replaced by the decoded byte at once.
fn unescape_fully(bytes: &[u8]) -> Vec<u8> {
    let mut decoded: Vec<u8> = Vec::with_capacity(bytes.len());
    for &b in bytes {
        decoded.push(b);
        while let Some((length, byte)) = encoded_at_end(&decoded) {
            decoded.truncate(decoded.len() - length);
            decoded.push(byte);
        }
    }
    decoded
}

/// Returns the length of the encoded byte at the end, and the decoded byte.
fn encoded_at_end(bytes: &[u8]) -> Option<(usize, u8)> {
    match bytes {
        [.., b'%', high, low] => Some((3, percent::pair(*high, *low)?)),
        [.., 0xf0, 0x80, high @ (0x80 | 0x81), low @ 0x80..=0xbf] => Some((4, overlong(*high, *low))),
        [.., 0xe0, high @ (0x80 | 0x81), low @ 0x80..=0xbf] => Some((3, overlong(*high, *low))),
        [.., high @ (0xc0 | 0xc1), low @ 0x80..=0xbf] => Some((2, overlong(*high, *low))),
        _ => None,
    }
}

/// Decodes an overlong UTF-8 form of an ASCII character (RFC 3629 §10) from its last two bytes.
fn overlong(high: u8, low: u8) -> u8 {
    (high & 1) << 6 | low & 0x3f
}

/// Appends the query unchanged, except that bytes that are not UTF-8 are escaped, because a target is a string. This
/// makes no difference to a server that decodes them.
fn append_query(query: &[u8], target: &mut String) -> Result<(), Refusal> {
    if query.iter().any(|&b| b <= b' ' || b == 0x7f) {
        return Err(Refusal::BadQuery);
    }
    target.push('?');
    work(query.len());
    percent::append_text(query, target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_kept_or_escaped_as_a_whole() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/a%2fb%20c", "/a%2fb%20c"),
            ("/a!'()*[]b", "/a!'()*[]b"),
            ("/a b", "/a%20b"),
            ("/a!(b c", "/a%21%28b%20c"),
            ("/a%2Fb c", "/a/b%20c"),
            ("/a%25b c", "/a%25b%20c"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/a?b=c", "/a%3Fb=c"),
            ("/a#b", "/a%23b"),
            ("/a\u{1}b", "/a%01b"),
            ("/a%00b", "/a%00b"),
            ("/a\"<>\\^`{|}", "/a%22%3C%3E%5C%5E%60%7B%7C%7D"),
            ("/$&+,:;=@~", "/$&+,:;=@~"),
        ] {
            assert_eq!(build(path.to_owned(), None).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_no_request_target_is_refused() {
        for (path, refusal) in [
            ("a", Refusal::NotAbsolute),
            ("*", Refusal::NotAbsolute),
            ("http://host/a", Refusal::NotAbsolute),
            ("?a", Refusal::NotAbsolute),
            ("//host/a", Refusal::EmptySegment),
            ("/a//b", Refusal::EmptySegment),
            ("/a//", Refusal::EmptySegment),
            ("/a%2F/b c", Refusal::EmptySegment),
            ("/a%", Refusal::BadEscape),
            ("/a%2", Refusal::BadEscape),
            ("/a%zz", Refusal::BadEscape),
            ("/a%2\u{e9}", Refusal::BadEscape),
            ("%", Refusal::BadEscape),
        ] {
            assert_eq!(build(path.to_owned(), None), Err(refusal), "{path}");
        }
    }

    #[test]
    fn dot_segments_are_refused_in_every_disguise() {
        for path in [
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/b",
            "/%2E./b",
            "/.%2e",
            "/a/%2e",
            "/%252e%252e/b",
            "/%25252e%2525252e/b",
            "/%%32%65%%32%65/b",
            "/a\\..\\b",
            "/a%5c..%5Cb",
            "/a%255c..",
            "/a%2f..%2fb",
            "/a%252f..",
            "/..;/b",
            "/..;x=1/b",
            "/..%3b/b",
            "/..%253bx/b",
            "/.;/b",
            "/..%00/b",
            "/..%3f/b",
            "/..%23",
            "/%c0%ae%c0%ae/b",
            "/%c0%ae./b",
            "/%e0%80%ae./b",
            "/%f0%80%80%ae%2e/b",
            "/a%c0%af..",
            "/a%c1%9c..",
            "/%25c0%25ae.",
            "/%c0%a52e%e0%80%a52e/b",
            "/..%c0%bbx/b",
            "/a%2F.. b/../c d",
        ] {
            let result = build(path.to_owned(), None);
            let refused = matches!(result, Err(Refusal::DotSegment | Refusal::BadEscape));
            assert!(refused, "{path}: {result:?}");
        }
    }

    #[test]
    fn dots_that_are_no_segment_pass() {
        for path in [
            "/...",
            "/..a",
            "/a..",
            "/.a",
            "/a.b",
            "/.well-known/x",
            "/a/....",
            "/a;..",
            "/%2e%2e%2e",
            "/%c0%c0",
        ] {
            assert_eq!(build(path.to_owned(), None).as_deref(), Ok(path));
        }
    }

    #[test]
    fn a_plain_path_is_what_the_whole_check_returns_unchanged() {
        // All texts of up to five of these characters.
        let characters = ['/', '.', 'a', '%', '2', 'e', ' ', '~', ':'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts
                .iter()
                .flat_map(|text| characters.map(|char| format!("{text}{char}")));
            texts.extend(longer.collect::<Vec<_>>());
            texts.sort_unstable();
            texts.dedup();
        }
        let plain = texts.iter().filter(|text| is_plain(text));
        let plain = plain.inspect(|text| assert_eq!(checked(text).as_ref(), Ok(*text)));
        assert!(plain.count() > 500);
    }

    #[test]
    fn the_query_is_kept() {
        for (query, expected) in [
            (None, Ok("/a")),
            (Some(&b""[..]), Ok("/a?")),
            (Some(b"x=1&y=/../?#%zz"), Ok("/a?x=1&y=/../?#%zz")),
            (Some("é".as_bytes()), Ok("/a?é")),
            (Some(b"\xc3\xff=a"), Ok("/a?%C3%FF=a")),
            (Some(b"a b"), Err(Refusal::BadQuery)),
            (Some(b"a\r\nb"), Err(Refusal::BadQuery)),
            (Some(b"\x7f"), Err(Refusal::BadQuery)),
        ] {
            assert_eq!(
                build("/a".to_owned(), query)
                    .as_deref()
                    .map_err(|refusal| *refusal),
                expected
            );
        }
    }

    #[test]
    fn splits_at_the_first_question_mark() {
        assert_eq!(split(b"/a?b?c"), (&b"/a"[..], Some(&b"b?c"[..])));
        assert_eq!(split(b"/a?"), (&b"/a"[..], Some(&b""[..])));
        assert_eq!(split(b"/a"), (&b"/a"[..], None));
    }
}
