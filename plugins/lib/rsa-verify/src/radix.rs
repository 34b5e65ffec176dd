//! Numbers as balanced digits in `f64`.
//!
//! A number is Σ dⱼ·Bʲ with B = 2ᵇ and integer digits −B/2 ≤ dⱼ ≤ B/2. Every intermediate value is an integer below 2⁵³
//! in magnitude, so each `f64` operation is exact and gives the same result on every machine.

/// The number of columns that are computed at a time.
pub(crate) const BLOCK: usize = 8;

/// How numbers are divided into digits for one modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Radix {
    /// b: the number of bits of a digit.
    pub(crate) bits: u32,
    /// The number of blocks of eight columns that hold a number.
    pub(crate) blocks: usize,
}

impl Radix {
    /// The fewest digits for a modulus of `modulus_bits`, which leave R = Bᴺ ≥ 16·modulus.
    ///
    /// A column sums at most N products of two digits, and must stay exact when a digit and a carry come on top:
    /// N·(B/2)² + B/2 + 2³¹ ≤ 2⁵³. With b = 24 this allows N ≤ 126 (126·2⁴⁶ < 2⁵³ − 2⁴⁷), with b = 23 N ≤ 510
    /// (510·2⁴⁴ = 2⁵³ − 2⁴⁵). Moduli of up to 3020 and 11726 bits fit.
    pub(crate) fn for_modulus(modulus_bits: usize) -> Option<Self> {
        [(24, 126), (23, 510)]
            .into_iter()
            .find_map(|(bits, most_digits)| {
                let needed = (modulus_bits + 4).div_ceil(bits);
                let blocks = (needed + 2).div_ceil(BLOCK);
                let radix = Self {
                    bits: bits as u32,
                    blocks,
                };
                (radix.digits() <= most_digits).then_some(radix)
            })
    }

    /// Returns N, which is two less than the number of digits in the blocks. The upper half of a product starts two
    /// columns further down, and the sums of these columns give the carry out of the lower half. So that half fills its
    /// blocks as well.
    pub(crate) fn digits(self) -> usize {
        self.blocks * BLOCK - 2
    }

    /// Returns the number of bits of R = Bᴺ.
    pub(crate) fn total_bits(self) -> usize {
        self.digits() * self.bits as usize
    }

    /// Returns the lowest `count` digits of a number. `words` are its 32-bit words, the lowest first.
    pub(crate) fn digits_of(self, words: &[u32], count: usize) -> Vec<f64> {
        let bits = self.bits as usize;
        let word = |index: usize| u64::from(words.get(index).copied().unwrap_or(0));
        let (base, mut carry) = (1_i64 << bits, 0);
        (0..count)
            .map(|j| {
                let (index, shift) = (j * bits / 32, j * bits % 32);
                let digit = (word(index) | word(index + 1) << 32) >> shift & ((1 << bits) - 1);
                let sum = digit as i64 + carry;
                carry = i64::from(2 * sum > base);
                (sum - carry * base) as f64
            })
            .collect()
    }

    /// Returns the number as `count` 32-bit words in two's complement, the lowest first, and whether it is negative.
    pub(crate) fn words_of(self, digits: impl Iterator<Item = f64>, count: usize) -> (Vec<u32>, bool) {
        let mut words = Vec::with_capacity(count + 2);
        let (mut pending, mut bits) = (0_i64, 0);
        for digit in digits {
            // At most 31 bits are pending, and a digit has 24: 56 bits with the sign.
            pending += (digit as i64) << bits;
            bits += self.bits;
            if bits >= 32 {
                words.push(pending as u32);
                pending >>= 32;
                bits -= 32;
            }
        }
        while words.len() < count {
            words.push(pending as u32);
            pending >>= 32;
        }
        words.truncate(count);
        (words, pending < 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_the_largest_digits_stays_exact() {
        for bits in 2048..=8192 {
            let radix = Radix::for_modulus(bits).unwrap();
            // Digits after two rounds of carries, and a reciprocal with one more digit.
            let largest = (1_u64 << (radix.bits - 1)) + (1 << 8);
            let column = (radix.digits() as u64 + 1) * largest * largest + largest + (1 << 31);
            assert!(column <= 1 << 53, "{bits} bits: {radix:?}");
            assert!(radix.total_bits() >= bits + 4, "{bits} bits: {radix:?}");
        }
    }

    #[test]
    fn the_sizes_named_have_the_digits_named() {
        for (modulus, bits, blocks) in [
            (2048, 24, 11),
            (3020, 24, 16),
            (3021, 23, 17),
            (4096, 23, 23),
            (8192, 23, 45),
        ] {
            assert_eq!(
                Radix::for_modulus(modulus),
                Some(Radix { bits, blocks }),
                "{modulus}"
            );
        }
        assert_eq!(Radix::for_modulus(11727), None);
    }

    #[test]
    fn words_come_back_from_digits() {
        for bits in [2048, 3072, 8192] {
            let radix = Radix::for_modulus(bits).unwrap();
            let count = bits / 32;
            let mut alternating = vec![0; count];
            alternating
                .iter_mut()
                .step_by(2)
                .for_each(|word| *word = 0x8000_0000);
            for words in [
                vec![0; count],
                vec![u32::MAX; count],
                vec![0x8080_8080; count],
                alternating,
            ] {
                let digits = radix.digits_of(&words, radix.digits());
                let half = f64::from(1 << (radix.bits - 1));
                assert!(digits.iter().all(|digit| digit.abs() <= half));
                assert_eq!(radix.words_of(digits.into_iter(), count), (words, false));
            }
        }
    }

    #[test]
    fn a_negative_number_is_told_by_its_sign() {
        let radix = Radix::for_modulus(2048).unwrap();
        let mut digits = vec![0.0; radix.digits()];
        digits[0] = -2.0;
        let mut words = vec![u32::MAX; 64];
        words[0] = u32::MAX - 1;
        assert_eq!(radix.words_of(digits.into_iter(), 64), (words, true));
    }
}
