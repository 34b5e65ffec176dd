//! Draws numbers for comparisons: some random, some with patterns that are hard for carries.

use num_bigint::BigUint;

/// The SplitMix64 generator.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new() -> Self {
        let seed = std::env::var("RSA_VERIFY_SEED")
            .ok()
            .map(|seed| seed.parse().unwrap());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap();
            now.as_nanos() as u64
        });
        println!("RSA_VERIFY_SEED={seed}");
        Self(seed)
    }

    /// Returns how many cases to draw.
    pub(crate) fn cases(&self) -> u64 {
        std::env::var("RSA_VERIFY_CASES").map_or(2000, |cases| cases.parse().unwrap())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn index(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 56) as u8).collect()
    }

    /// Draws a modulus size. Most have 2048 bits, so that many cases fit in a run.
    pub(crate) fn bits(&mut self) -> u64 {
        match self.index(20) {
            0 => 2048 + self.next() % 6145,
            1 => 2048 + self.next() % 20,
            2 => 3010 + self.next() % 20,
            3 => 4096,
            _ => 2048,
        }
    }

    pub(crate) fn exponent(&mut self) -> u32 {
        match self.index(16) {
            0 => u32::MAX,
            1 => (self.next() as u32 | 1).max(3),
            2..6 => 17,
            6..12 => 3,
            _ => 65537,
        }
    }

    /// Draws an odd number of `bits` bits.
    pub(crate) fn modulus(&mut self, bits: u64) -> BigUint {
        let mut modulus = self.number(bits);
        modulus.set_bit(bits - 1, true);
        modulus.set_bit(0, true);
        modulus
    }

    pub(crate) fn below(&mut self, limit: &BigUint) -> BigUint {
        match self.index(16) {
            0 => limit - BigUint::from(1 + self.next() % 3),
            1 => BigUint::from(self.next() % 3),
            _ => self.number(limit.bits()) % limit,
        }
    }

    /// Draws a number of up to `bits` bits.
    fn number(&mut self, bits: u64) -> BigUint {
        let all = (BigUint::from(1_u32) << bits) - BigUint::from(1_u32);
        let number = match self.index(6) {
            // Digits of 24 or 23 bits that are half the base, one more, one less, all ones, or zero; all the same or
            // mixed. There, digits get balanced and columns are largest.
            0 | 1 => {
                let digit_bits = 23 + self.next() % 2;
                let half = 1_u64 << (digit_bits - 1);
                let patterns = [half, half - 1, half + 1, 2 * half - 1, 0, 1, self.next() % half];
                let count = if self.index(2) == 0 { 1 } else { patterns.len() };
                let start = self.index(patterns.len());
                let mut number = BigUint::ZERO;
                for _ in 0..bits / digit_bits + 1 {
                    let pattern = patterns[(start + self.index(count)) % patterns.len()];
                    number = (number << digit_bits) | BigUint::from(pattern);
                }
                number
            }
            // Runs of ones and zeros.
            2 => {
                let mut number = BigUint::ZERO;
                while number.bits() < bits {
                    let run = 1 + self.next() % 200;
                    let ones = (BigUint::from(1_u32) << run) - BigUint::from(1_u32);
                    number = (number << (run + self.next() % 200)) | ones;
                }
                number
            }
            _ => BigUint::from_bytes_be(&self.bytes(bits.div_ceil(8) as usize)),
        };
        number & all
    }
}
