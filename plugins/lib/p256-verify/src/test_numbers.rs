//! Numbers for tests.

use num_bigint::{BigInt, Sign};

/// Draws numbers. Small and predictable, so that a failure can be repeated.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Draws a number below a limit of at most 256 bits. One in four has long runs of equal bits.
    pub(crate) fn below(&mut self, limit: &BigInt) -> BigInt {
        let runs = self.word() >> 62 == 0;
        let words = [(); 8].map(|()| match (runs, self.word() >> 62) {
            (true, 0) => 0,
            (true, 1) => u32::MAX,
            _ => (self.word() >> 32) as u32,
        });
        value(&words) % limit
    }
}

/// The number that words stand for, the lowest first.
pub(crate) fn value(words: &[u32; 8]) -> BigInt {
    BigInt::from_slice(Sign::Plus, words)
}

pub(crate) fn words_of(number: &BigInt) -> [u32; 8] {
    let (_, mut words) = number.to_u32_digits();
    words.resize(8, 0);
    words.try_into().unwrap()
}

/// p.
pub(crate) fn order_of_field() -> BigInt {
    (BigInt::from(1) << 256) - (BigInt::from(1) << 224) + (BigInt::from(1) << 192) + (BigInt::from(1) << 96)
        - 1
}

/// n.
pub(crate) fn order_of_group() -> BigInt {
    let digits = b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    BigInt::parse_bytes(digits, 16).unwrap()
}
