//! JSON from the identity provider: key sets, answers of token and introspection endpoints.
//!
//! The operator has configured the source of such a document, so a byte order mark is accepted. Anything that is not
//! JSON is identified, so that the log tells the cause.

/// What a document is if it is not the expected JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It is compressed, although the request asked for the plain form.
    #[error("it is compressed (Content-Encoding), although the plain form was asked for")]
    Compressed,
    /// HTML or XML.
    #[error("it is HTML or XML, such as a login or error page")]
    Markup,
    /// UTF-16 or UTF-32.
    #[error("it is UTF-16 or UTF-32; JSON must be UTF-8 (RFC 8259 section 8.1)")]
    Wide,
    /// JSON, but not what is wanted.
    #[error("it is JSON of another kind")]
    OtherKind,
    /// Anything else.
    #[error("it is not JSON")]
    Other,
}

/// The document without the byte order mark that some servers put in front of UTF-8. RFC 8259 §8.1 permits readers to
/// ignore it.
pub fn without_mark(document: &[u8]) -> &[u8] {
    document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document)
}

/// Identifies a document that a JSON reader has refused.
pub fn not_json(document: &[u8]) -> NotJson {
    let document = without_mark(document).trim_ascii_start();
    match document {
        [] => NotJson::Empty,
        // gzip (RFC 1952), Zstandard (RFC 8878), zlib (RFC 1950) as HTTP's `deflate`.
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            NotJson::Compressed
        }
        [b'<', 0, ..] | [0, ..] | [_, 0, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => NotJson::Wide,
        [b'<', ..] => NotJson::Markup,
        _ if serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok() => NotJson::OtherKind,
        _ => NotJson::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_document() {
        assert_eq!(without_mark(b"\xef\xbb\xbf{}"), b"{}");
        assert_eq!(without_mark(b"{}"), b"{}");
        assert_eq!(without_mark(b""), b"");
    }

    #[test]
    fn the_cause_is_named() {
        for (document, expected) in [
            (b"".as_slice(), NotJson::Empty),
            (b" \r\n", NotJson::Empty),
            (b"\xef\xbb\xbf", NotJson::Empty),
            (b"\x1f\x8b\x08\x00", NotJson::Compressed),
            (b"\x28\xb5\x2f\xfd\x04", NotJson::Compressed),
            (b"\x78\x9c\xab", NotJson::Compressed),
            (b"<!DOCTYPE html>", NotJson::Markup),
            (b"\n<html>", NotJson::Markup),
            (b"\xff\xfe{\0\"\0", NotJson::Wide),
            (b"\xfe\xff\0{\0\"", NotJson::Wide),
            (b"{\0\"\0", NotJson::Wide),
            (b"\0{\0\"", NotJson::Wide),
            (b"[]", NotJson::OtherKind),
            (b" null ", NotJson::OtherKind),
            (b"Service Unavailable", NotJson::Other),
            (b"{\"keys\":[", NotJson::Other),
            (b"x", NotJson::Other),
        ] {
            assert_eq!(not_json(document), expected, "{document:?}");
        }
    }
}
