//! Arithmetic modulo a secret odd number, in constant time.
//!
//! Neither the sequence of instructions nor the memory that they access depends on a number; only on its length. There
//! is no division and no comparison that decides what to do next: a mask selects the result.
//!
//! Numbers are lists of 32-bit words, the lowest first, since Traefik's Wasm runtime multiplies those to 64 bits in one
//! instruction. A number x is in Montgomery form if it stands for x·R modulo the modulus, where R is 2 to the power of
//! the modulus's length in bits.

use std::hint::black_box;

/// A number. It has as many words as its modulus.
pub(crate) type Words = Vec<u32>;

/// An odd modulus, with the values for Montgomery multiplication.
pub(crate) struct Modulus {
    words: Words,
    /// −(modulus⁻¹) modulo 2³².
    negated_inverse: u32,
    /// R modulo the modulus: the Montgomery form of 1.
    one: Words,
    /// R² modulo the modulus.
    r_squared: Words,
}

impl Modulus {
    /// Returns `None` unless the number, in big-endian bytes, is odd and greater than 1.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let words = words(bytes, bytes.len().div_ceil(4))?;
        let lowest = words.first().copied()?;
        if lowest & 1 == 0 || (lowest == 1 && words.iter().skip(1).all(|word| *word == 0)) {
            return None;
        }
        // Each step of Newton's method doubles the number of right bits. For odd numbers, the first three are right.
        let inverse = (0..4).fold(lowest, |inverse, _| {
            inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        let mut modulus = Self {
            negated_inverse: inverse.wrapping_neg(),
            one: Words::new(),
            r_squared: Words::new(),
            words,
        };
        // 1 doubled as often as R has bits is R, and doubled as often again R².
        let doublings = modulus.words.len() * 32;
        let mut power = modulus.small(1);
        (0..doublings).for_each(|_| modulus.double(&mut power));
        modulus.one = power.clone();
        (0..doublings).for_each(|_| modulus.double(&mut power));
        modulus.r_squared = power;
        Some(modulus)
    }

    /// The modulus itself.
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// The Montgomery form of 1.
    pub(crate) fn one(&self) -> &[u32] {
        &self.one
    }

    /// Returns the Montgomery form of a number below R.
    pub(crate) fn enter(&self, number: &[u32]) -> Words {
        self.multiply(number, &self.r_squared)
    }

    /// Returns the number with this Montgomery form.
    pub(crate) fn leave(&self, form: &[u32]) -> Words {
        self.multiply(form, &self.small(1))
    }

    /// Returns the Montgomery form of `wide` modulo the modulus. `wide` is a number below R² in big-endian bytes.
    pub(crate) fn reduce(&self, wide: &[u8]) -> Option<Words> {
        let (high, low) = wide.split_at(wide.len().saturating_sub(self.words.len() * 4));
        let half = |bytes| words(bytes, self.words.len());
        // high·R + low. Entering twice multiplies by R.
        let high = self.enter(&self.enter(&half(high)?));
        Some(self.add(&high, &self.enter(&half(low)?)))
    }

    /// Returns `one`·`other`/R modulo the modulus. One of the two factors must be below the modulus and the other below
    /// R. In Montgomery form, this is the product.
    pub(crate) fn multiply(&self, one: &[u32], other: &[u32]) -> Words {
        let mut sum = self.small(0);
        let mut top = 0; // the word above `sum`: 0 or 1
        for word in one {
            let carry = add_product(&mut sum, *word, other);
            let above = carry.wrapping_add(top);
            // Make the lowest word zero with a multiple of the modulus, and shift it out.
            let lowest = sum.first().copied().unwrap_or_default();
            let multiple = lowest.wrapping_mul(self.negated_inverse);
            let mut carry = 0;
            let mut shifted_out = 0;
            let mut below = &mut shifted_out;
            for (word, of_modulus) in sum.iter_mut().zip(&self.words) {
                let wide = sum_of(product(multiple, *of_modulus), *word, carry);
                carry = wide >> 32;
                *below = low(wide);
                below = word;
            }
            let highest = above.wrapping_add(carry);
            *below = low(highest);
            top = highest >> 32;
        }
        self.subtract_once(&mut sum, top);
        sum
    }

    /// Returns the sum of two numbers below the modulus.
    pub(crate) fn add(&self, one: &[u32], other: &[u32]) -> Words {
        let mut sum = one.to_vec();
        let top = add_product(&mut sum, 1, other);
        self.subtract_once(&mut sum, top);
        sum
    }

    /// Returns the difference of two numbers below the modulus.
    pub(crate) fn subtract(&self, one: &[u32], other: &[u32]) -> Words {
        let mut negated = self.words.clone();
        subtract_masked(&mut negated, other, u32::MAX);
        // `negated` is the modulus if `other` is zero. The sum is then still below twice the modulus.
        self.add(one, &negated)
    }

    fn double(&self, number: &mut [u32]) {
        let mut top = 0;
        for word in number.iter_mut() {
            let carry = *word >> 31;
            *word = (*word << 1) | top;
            top = carry;
        }
        self.subtract_once(number, u64::from(top));
    }

    /// Subtracts the modulus from top·R + `number`, unless that is below the modulus. `top` is 0 or 1, and the number
    /// is below twice the modulus.
    fn subtract_once(&self, number: &mut [u32], top: u64) {
        let borrow = number
            .iter()
            .zip(&self.words)
            .fold(0, |borrow, (word, of_modulus)| {
                u64::from(*word)
                    .wrapping_sub(u64::from(*of_modulus))
                    .wrapping_sub(borrow)
                    >> 63
            });
        let is_not_below = low(top | (borrow ^ 1));
        subtract_masked(number, &self.words, is_not_below.wrapping_neg());
    }

    /// The number `value`, which is not in Montgomery form.
    fn small(&self, value: u32) -> Words {
        let mut number = vec![0; self.words.len()];
        if let Some(lowest) = number.first_mut() {
            *lowest = value;
        }
        number
    }
}

/// Returns `factor`·`other` + `addend`. The addend has at most as many words as `other`. The sum has the words of both
/// factors.
pub(crate) fn multiply_and_add(factor: &[u32], other: &[u32], addend: &[u32]) -> Words {
    let mut sum = addend.to_vec();
    sum.resize(factor.len() + other.len(), 0);
    for (index, word) in factor.iter().enumerate() {
        let (_, part) = sum.split_at_mut(index);
        let carry = add_product(part, *word, other);
        // Nothing has been added to this word yet.
        if let Some(above) = part.get_mut(other.len()) {
            *above = low(carry);
        }
    }
    sum
}

/// Copies the entry at `index` of a table. Reads all entries, so that the memory access does not tell which one.
pub(crate) fn select(table: &[Words], index: u8) -> Words {
    let mut selected = vec![0; table.first().map_or(0, Vec::len)];
    for (position, entry) in (0_u32..).zip(table) {
        let difference = position ^ u32::from(index); // below 2³¹
        let is_it = difference.wrapping_sub(1) >> 31;
        let mask = black_box(is_it.wrapping_neg());
        for (to, from) in selected.iter_mut().zip(entry) {
            *to |= from & mask;
        }
    }
    selected
}

/// Reads big-endian bytes as a number of `length` words. Returns `None` if it is longer.
pub(crate) fn words(bytes: &[u8], length: usize) -> Option<Words> {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte));
    let mut words: Words = bytes.rchunks(4).map(word).collect();
    if words.len() > length {
        return None;
    }
    words.resize(length, 0);
    Some(words)
}

/// Writes a number as big-endian bytes.
pub(crate) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().rev().flat_map(|word| word.to_be_bytes()).collect()
}

/// Adds `factor`·`other` to the words of `sum` that `other` has. Returns the carry.
fn add_product(sum: &mut [u32], factor: u32, other: &[u32]) -> u64 {
    let mut carry = 0;
    for (word, of_other) in sum.iter_mut().zip(other) {
        let wide = sum_of(product(factor, *of_other), *word, carry);
        *word = low(wide);
        carry = wide >> 32;
    }
    carry
}

/// Subtracts `other` if the mask has all bits, and nothing if it has none. Modulo R.
fn subtract_masked(number: &mut [u32], other: &[u32], mask: u32) {
    let mask = black_box(mask);
    let mut borrow = 0;
    for (word, of_other) in number.iter_mut().zip(other) {
        let wide = u64::from(*word)
            .wrapping_sub(u64::from(of_other & mask))
            .wrapping_sub(borrow);
        *word = low(wide);
        borrow = wide >> 63;
    }
}

/// Adds a product, a word and the carry of such a sum. At most (2³² − 1)² + 2·(2³² − 1), which is 2⁶⁴ − 1, so nothing
/// overflows. A check for it would slow down the loops.
fn sum_of(product: u64, word: u32, carry: u64) -> u64 {
    product.wrapping_add(u64::from(word)).wrapping_add(carry)
}

fn product(one: u32, other: u32) -> u64 {
    u64::from(one).wrapping_mul(u64::from(other))
}

#[allow(clippy::cast_possible_truncation)] // the lower half is meant
const fn low(wide: u64) -> u32 {
    wide as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::BigUint;

    /// Numbers that bring out carries, and numbers that look random.
    fn numbers(below: &BigUint, bytes: usize) -> Vec<BigUint> {
        let one = BigUint::from(1_u8);
        let mut numbers = vec![BigUint::from(0_u8), one.clone(), below - &one, below >> 1];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..12 {
            let mut drawn = Vec::new();
            while drawn.len() < bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                drawn.extend(match state % 5 {
                    0 => [0xff; 8],
                    1 => [0; 8],
                    _ => state.to_be_bytes(),
                });
            }
            numbers.push(BigUint::from_bytes_be(&drawn) % below);
        }
        numbers
    }

    fn moduli() -> Vec<Vec<u8>> {
        let mut moduli = vec![
            vec![3],
            vec![0xff, 0xff, 0xff, 0xfb],
            vec![0xff; 8],
            vec![0x80, 0, 0, 0, 0, 0, 0, 1],
        ];
        for length in [5, 12, 64, 128] {
            let mut high = vec![0xff; length];
            let mut sparse = vec![0; length];
            high[length / 2] = 0;
            sparse[0] = 0x80;
            sparse[length - 1] = 0x0f;
            moduli.extend([high, sparse]);
        }
        moduli
    }

    #[test]
    fn arithmetic_agrees_with_big_integers() {
        for bytes_of_modulus in moduli() {
            let big = BigUint::from_bytes_be(&bytes_of_modulus);
            let modulus = Modulus::new(&bytes_of_modulus).unwrap();
            let length = modulus.words().len();
            let of = |number: &BigUint| words(&number.to_bytes_be(), length).unwrap();
            let back = |words: &[u32]| BigUint::from_bytes_be(&bytes(words));
            let numbers = numbers(&big, bytes_of_modulus.len());
            assert_eq!(back(&modulus.leave(modulus.one())), BigUint::from(1_u8), "{big}");
            for one in &numbers {
                let form = modulus.enter(&of(one));
                assert_eq!(&back(&modulus.leave(&form)), one);
                for other in &numbers {
                    let other_form = modulus.enter(&of(other));
                    let product = modulus.leave(&modulus.multiply(&form, &other_form));
                    assert_eq!(back(&product), one * other % &big, "{one} * {other} mod {big}");
                    assert_eq!(back(&modulus.add(&of(one), &of(other))), (one + other) % &big);
                    assert_eq!(
                        back(&modulus.subtract(&of(one), &of(other))),
                        (one + &big - other) % &big
                    );
                    let sum = multiply_and_add(&of(one), &of(other), &of(&numbers[2]));
                    assert_eq!(back(&sum), one * other + &numbers[2]);
                    let wide = [bytes(&of(one)), bytes(&of(other))].concat();
                    let reduced = modulus.leave(&modulus.reduce(&wide).unwrap());
                    assert_eq!(back(&reduced), BigUint::from_bytes_be(&wide) % &big);
                }
            }
        }
    }

    #[test]
    fn numbers_up_to_r_are_reduced_when_they_enter() {
        let modulus = Modulus::new(&[0x80, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        let form = modulus.enter(&[u32::MAX, u32::MAX]);
        let expected = (u64::MAX % 0x8000_0000_0000_0001).to_be_bytes();
        assert_eq!(bytes(&modulus.leave(&form)), expected);
    }

    #[test]
    fn only_odd_numbers_above_one_are_moduli() {
        for bytes in [&[] as &[u8], &[0], &[1], &[0, 0, 0, 0, 1], &[2], &[1, 0]] {
            assert!(Modulus::new(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn one_entry_is_selected() {
        let table: Vec<Words> = (0..16).map(|entry| vec![entry, u32::MAX - entry]).collect();
        for index in 0..16 {
            assert_eq!(select(&table, index), table[usize::from(index)]);
        }
    }

    #[test]
    fn bytes_and_words_are_the_same_number() {
        assert_eq!(words(&[1, 2, 3, 4, 5], 2), Some(vec![0x0203_0405, 1]));
        assert_eq!(words(&[1, 2, 3, 4, 5], 3), Some(vec![0x0203_0405, 1, 0]));
        assert_eq!(words(&[1, 2, 3, 4, 5], 1), None);
        assert_eq!(bytes(&[0x0203_0405, 1]), [0, 0, 0, 1, 2, 3, 4, 5]);
    }
}
