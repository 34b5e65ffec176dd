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

/// `a` ← `a` + `b`, modulo the capacity of `a`.
pub(crate) fn add(a: &mut [u32], b: &[u32]) {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let sum = u64::from(*a) + u64::from(b) + carry;
        *a = sum as u32;
        carry = sum >> 32;
    }
}

/// `a` ← `a` − `b`, modulo the capacity of `a`.
fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let difference = i64::from(*a) - i64::from(b) + borrow;
        *a = difference as u32;
        borrow = difference >> 32;
    }
}

/// Computes −1/`odd` modulo 2^(32·`count`) by Newton's iteration. Each round doubles the number of correct words.
pub(crate) fn negative_inverse(odd: &[u32], count: usize) -> Vec<u32> {
    let low = odd.first().copied().unwrap_or(1);
    // Correct modulo 8, then 64, 2¹², 2²⁴, 2⁴⁸.
    let mut inverse = low;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(low.wrapping_mul(inverse)));
    }
    let mut x = vec![inverse];
    while x.len() < count {
        let length = (2 * x.len()).min(count);
        // x·(2 − odd·x)
        let mut factor = multiply_low(odd, &x, length);
        negate(&mut factor);
        let mut two = vec![0; length];
        if let Some(first) = two.first_mut() {
            *first = 2;
        }
        add(&mut factor, &two);
        x = multiply_low(&x, &factor, length);
    }
    negate(&mut x);
    x
}

/// Computes `a`·`b` modulo 2^(32·`count`).
fn multiply_low(a: &[u32], b: &[u32], count: usize) -> Vec<u32> {
    let mut product = vec![0_u32; count];
    for (i, &a) in a.iter().take(count).enumerate() {
        let mut carry = 0;
        for (slot, &b) in product.iter_mut().skip(i).zip(b) {
            let sum = u64::from(a) * u64::from(b) + u64::from(*slot) + carry;
            *slot = sum as u32;
            carry = sum >> 32;
        }
        if let Some(slot) = product.get_mut(i + b.len()) {
            *slot = carry as u32;
        }
    }
    product
}

/// `a` ← −`a`, modulo the capacity of `a`.
fn negate(a: &mut [u32]) {
    let mut carry = true;
    for word in a {
        (*word, carry) = (!*word).overflowing_add(u32::from(carry));
    }
}

/// Computes 2^`exponent` modulo `modulus` by doubling, where 2^`exponent` > `modulus`.
pub(crate) fn power_of_two_modulo(modulus: &[u32], exponent: usize) -> Vec<u32> {
    let top = modulus.last().map_or(0, |word| word.leading_zeros() as usize);
    // 2^bits − modulus is below the modulus, whose highest bit is set.
    let mut x = modulus.to_vec();
    negate(&mut x);
    if let Some(highest) = x.last_mut() {
        *highest &= u32::MAX >> top;
    }
    for _ in bits(modulus)..exponent {
        let mut carry = 0;
        for word in &mut x {
            (*word, carry) = (*word << 1 | carry, *word >> 31);
        }
        if carry == 1 || !less(&x, modulus) {
            subtract(&mut x, modulus);
        }
    }
    x
}

#[cfg(test)]
mod tests {
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
    fn the_inverse_times_the_number_is_minus_one() {
        for odd in [
            &[1][..],
            &[3],
            &[u32::MAX],
            &[5, 7, 9],
            &[u32::MAX; 70],
            &[1, 0, 0, 1],
        ] {
            for count in [1, 2, 3, 65, 129] {
                let inverse = negative_inverse(odd, count);
                assert_eq!(
                    multiply_low(&inverse, odd, count),
                    vec![u32::MAX; count],
                    "{odd:?}"
                );
            }
        }
    }

    #[test]
    fn powers_of_two_are_reduced() {
        // 2⁷⁰ = 64·2⁶⁴, and 2⁶⁴ = 1 modulo 2⁶⁴ − 1.
        assert_eq!(power_of_two_modulo(&[u32::MAX; 2], 70), [64, 0]);
        // Modulo 2³³ + 1, 2³³ = −1.
        assert_eq!(power_of_two_modulo(&[1, 2], 66), [1, 0]);
        assert_eq!(power_of_two_modulo(&[1, 2], 34), [u32::MAX, 1]);
    }
}
