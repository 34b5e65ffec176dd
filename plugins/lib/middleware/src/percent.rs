//! Percent-encoding (RFC 3986 §2.1), read strictly.

use crate::work;

/// Decodes every escape once; `None` if a `%` is not followed by two hexadecimal digits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => pair(bytes.next()?, bytes.next()?)?,
            byte => byte,
        });
    }
    Some(decoded)
}

/// The byte that two hexadecimal digits stand for.
pub fn pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Appends part of a request target as text: bytes beyond ASCII are escaped if they are not UTF-8. A server that
/// decodes escapes reads the same.
pub fn append_text(part: &[u8], target: &mut String) {
    match std::str::from_utf8(part) {
        Ok(part) => target.push_str(part),
        Err(_) => part.chunks(1024).for_each(|piece| {
            work(4 * piece.len());
            piece.iter().for_each(|&byte| match byte {
                0x80.. => append_escaped(byte, target),
                _ => target.push(char::from(byte)),
            });
        }),
    }
}

/// Appends one byte as an escape.
pub fn append_escaped(byte: u8, target: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    target.push('%');
    target.extend(HEX.get(usize::from(byte >> 4)));
    target.extend(HEX.get(usize::from(byte & 0xf)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_escaped() {
        for (part, expected) in [
            (&b"a=1&b=%2f"[..], "a=1&b=%2f"),
            ("ü=1".as_bytes(), "ü=1"),
            (b"a=\xff&b", "a=%FF&b"),
            (b"\xc3\xbc\xff", "%C3%BC%FF"),
        ] {
            let mut target = String::new();
            append_text(part, &mut target);
            assert_eq!(target, expected);
        }
    }

    #[test]
    fn every_escape_is_decoded_once_or_nothing_is() {
        for (text, expected) in [
            ("", Some(&b""[..])),
            ("/a%2Fb%2f", Some(b"/a/b/")),
            ("%2541", Some(b"%41")),
            ("%c3%BC", Some("ü".as_bytes())),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("a%+1", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
