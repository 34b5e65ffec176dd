//! Plain integer arithmetic for values that are computed once per key. Numbers are 32-bit words, the lowest first.

/// Reads big-endian `bytes`, and drops leading zeros.
pub(crate) fn from_bytes(bytes: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> = bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |word, &byte| word << 8 | u32::from(byte)))
        .collect();
    while words.last() == Some(&0) {
        words.pop();
    }
    words
}

/// Returns the number of bits: the position of the highest 1. The highest word must not be zero.
pub(crate) fn bits(words: &[u32]) -> usize {
    words
        .last()
        .map_or(0, |word| words.len() * 32 - word.leading_zeros() as usize)
}

/// Converts to `length` big-endian bytes. Higher bytes are dropped.
pub(crate) fn to_bytes(words: &[u32], length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(length, 0);
    bytes.reverse();
    bytes
}

/// Returns whether `a` < `b`. Both have the same length, or no zeros as their highest words.
pub(crate) fn less(a: &[u32], b: &[u32]) -> bool {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
        .is_lt()
}

/// `a` ← `a` + `b`, modulo the capacity of `a`, which is at most one word longer. Returns whether there is a carry.
pub(crate) fn add(a: &mut [u32], b: &[u32]) -> bool {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b.iter().chain([&0])) {
        let sum = u64::from(*a) + u64::from(b) + carry;
        *a = sum as u32;
        carry = sum >> 32;
    }
    carry != 0
}

/// Returns a·2^`bits`.
pub(crate) fn shifted(a: &[u32], bits: usize) -> Vec<u32> {
    let shift = bits % 32;
    let mut shifted = vec![0; bits / 32];
    let mut carry = 0;
    for &word in a {
        let word = u64::from(word) << shift;
        shifted.push(word as u32 | carry);
        carry = (word >> 32) as u32;
    }
    if carry != 0 {
        shifted.push(carry);
    }
    shifted
}

/// Returns quotient and remainder of `a`/`b` by long division (Knuth, volume 2, 4.3.1, algorithm D). The highest word of
/// `b` must not be zero. The remainder has as many words as `b`.
pub(crate) fn divide(a: &[u32], b: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let shift = b.last().map_or(0, |word| word.leading_zeros());
    let divisor = shifted(b, shift as usize);
    let mut rest = shifted(a, shift as usize);
    rest.resize(a.len().max(b.len()) + 1, 0);
    let highest = divisor.last().copied().map_or(1, u64::from);
    let mut quotient: Vec<u32> = (0..rest.len() - divisor.len())
        .rev()
        .filter_map(|place| {
            let part = rest.get_mut(place..)?.get_mut(..=divisor.len())?;
            let (upper, lower) = part.last_chunk().map(|&[lower, upper]| (upper, lower))?;
            // With the highest bit of the divisor set, the estimate is at most two too large.
            let estimate = (u64::from(upper) << 32 | u64::from(lower)) / highest;
            let mut digit = estimate.min(u64::from(u32::MAX)) as u32;
            let mut below_zero = subtract_multiple(part, digit, &divisor);
            while below_zero {
                digit -= 1;
                below_zero = !add(part, &divisor);
            }
            Some(digit)
        })
        .collect();
    quotient.reverse();
    // Undo the shift.
    let mut higher = rest.iter().skip(1).copied().chain([0]);
    let remainder = rest.iter().map(|&word| {
        let both = u64::from(higher.next().unwrap_or(0)) << 32 | u64::from(word);
        (both >> shift) as u32
    });
    let remainder = remainder.take(b.len()).collect();
    (quotient, remainder)
}

/// `a` ← `a` − `factor`·`b`, modulo the capacity of `a`. Returns whether the difference is negative.
fn subtract_multiple(a: &mut [u32], factor: u32, b: &[u32]) -> bool {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b.iter().chain([&0])) {
        let subtrahend = u64::from(factor) * u64::from(b) + borrow;
        let (difference, below) = a.overflowing_sub(subtrahend as u32);
        *a = difference;
        borrow = (subtrahend >> 32) + u64::from(below);
    }
    borrow != 0
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    #[test]
    fn bytes_come_back_with_or_without_zeros() {
        for bytes in [&[][..], &[1], &[1, 2, 3, 4], &[1, 2, 3, 4, 5], &[0xff; 9]] {
            let words = from_bytes(bytes);
            assert_eq!(to_bytes(&words, bytes.len()), bytes);
            let padded = [&[0; 5], bytes].concat();
            assert_eq!(from_bytes(&padded), words);
            assert_eq!(to_bytes(&words, padded.len()), padded);
        }
    }

    #[test]
    fn bits_are_counted_to_the_highest_one() {
        for (words, expected) in [(&[][..], 0), (&[1], 1), (&[0, 1], 33), (&[0, u32::MAX], 64)] {
            assert_eq!(bits(words), expected, "{words:?}");
        }
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        let rising: [&[u32]; 6] = [&[], &[1], &[u32::MAX], &[0, 1], &[1, 1], &[0, 2]];
        for (i, a) in rising.iter().enumerate() {
            for (j, b) in rising.iter().enumerate() {
                assert_eq!(less(a, b), i < j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn numbers_are_shifted_by_any_number_of_bits() {
        assert_eq!(shifted(&[1], 0), [1]);
        assert_eq!(shifted(&[1], 31), [1 << 31]);
        assert_eq!(shifted(&[3, 1], 31), [1 << 31, (1 << 31) + 1]);
        assert_eq!(shifted(&[u32::MAX], 33), [0, u32::MAX - 1, 1]);
        assert_eq!(shifted(&[5], 64), [0, 0, 5]);
    }

    /// Words that make the estimates of quotient digits as wrong as possible, and drawn ones.
    fn hard_numbers(length: usize) -> Vec<Vec<u32>> {
        let mut state = 0x9e37_79b9_u32;
        let mut drawn = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let mut numbers = vec![vec![u32::MAX; length], vec![0x8000_0000; length], vec![1; length]];
        for (low, high) in [
            (0, 1),
            (u32::MAX, 1),
            (0, 0x8000_0000),
            (u32::MAX, 0x8000_0000),
            (0, u32::MAX),
        ] {
            let mut number = vec![low; length];
            number[length - 1] = high;
            numbers.push(number);
        }
        numbers.extend((0..10).map(|_| (0..length).map(|_| drawn() | 1).collect()));
        numbers
    }

    #[test]
    fn quotient_and_remainder_are_right() {
        for (longer, shorter) in [(1, 1), (2, 1), (3, 2), (7, 3), (9, 9), (3, 5), (40, 20)] {
            for a in hard_numbers(longer) {
                for b in hard_numbers(shorter) {
                    let (quotient, remainder) = divide(&a, &b);
                    let (a, b) = (BigUint::from_slice(&a), BigUint::from_slice(&b));
                    assert_eq!(BigUint::from_slice(&quotient), &a / &b, "{a} / {b}");
                    assert_eq!(BigUint::from_slice(&remainder), &a % &b, "{a} / {b}");
                    assert_eq!(remainder.len(), shorter);
                }
            }
        }
    }
}
