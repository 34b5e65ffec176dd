//! Several texts in one buffer.

use std::borrow::Cow;

use crate::work;

/// The values of a header, or the names of all headers.
///
/// They lie one after the other in a single buffer, each followed by a zero byte, as http-wasm hands them out. HTTP
/// allows no zero byte in a value (RFC 9110 §5.5), and Traefik refuses such a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values<'r> {
    buffer: Cow<'r, [u8]>,
    count: usize,
}

impl<'r> Values<'r> {
    /// No values.
    pub const NONE: Self = Values {
        buffer: Cow::Borrowed(&[]),
        count: 0,
    };

    /// `count` values in a buffer of the host.
    pub fn in_buffer(buffer: impl Into<Cow<'r, [u8]>>, count: usize) -> Self {
        let buffer = buffer.into();
        Self { buffer, count }
    }

    /// The number of values.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no values.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value, if there is exactly one. It is not searched for zero bytes.
    pub fn only(&self) -> Option<&[u8]> {
        match (self.count, &*self.buffer) {
            (1, [value @ .., 0] | value) => Some(value),
            _ => None,
        }
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.buffer;
        (0..self.count).map(move |_| {
            let (value, after) = match self.only() {
                Some(only) => (only, &[][..]),
                None => first(rest),
            };
            rest = after;
            value
        })
    }
}

/// Returns the first value in a buffer, and what follows it.
fn first(buffer: &[u8]) -> (&[u8], &[u8]) {
    const PIECE: usize = 4096;
    let mut end = 0;
    for piece in buffer.chunks(PIECE) {
        let found = piece.iter().position(|&byte| byte == 0);
        let length = found.unwrap_or(piece.len());
        work(5 + length / 4);
        end += length;
        if found.is_some() {
            break;
        }
    }
    let (value, after) = buffer.split_at_checked(end).unwrap_or((buffer, &[]));
    (value, after.get(1..).unwrap_or_default())
}

impl<V: AsRef<[u8]>> FromIterator<V> for Values<'_> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let (mut buffer, mut count) = (Vec::new(), 0);
        for value in values {
            buffer.extend_from_slice(value.as_ref());
            buffer.push(0);
            count += 1;
        }
        Self::in_buffer(buffer, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        for values in [&[] as &[&str], &[""], &["a"], &["", ""], &["a", "", "bc"]] {
            let read: Values<'_> = values.iter().collect();
            assert_eq!((read.len(), read.is_empty()), (values.len(), values.is_empty()));
            let expected: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            assert_eq!(read.iter().collect::<Vec<_>>(), expected);
            let only = match expected[..] {
                [only] => Some(only),
                _ => None,
            };
            assert_eq!(read.only(), only, "{values:?}");
        }
    }

    #[test]
    fn a_buffer_that_is_too_short_gives_empty_values() {
        let read = Values::in_buffer(&b"a\0b"[..], 3);
        assert_eq!(read.iter().collect::<Vec<_>>(), [&b"a"[..], b"b", b""]);
    }
}
