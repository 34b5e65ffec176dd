//! Percent-encoding (RFC 3986 §2.1), read strictly.

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

#[cfg(test)]
mod tests {
    use super::*;

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
