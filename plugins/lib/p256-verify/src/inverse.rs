//! Inverses modulo a prime of 256 bits, by Bernstein and Yang's method ("Fast constant-time gcd computation and modular
//! inversion", 2019), in the variable-time form that libsecp256k1 uses.
//!
//! The method divides f and g, which start as the modulus and the number, by two and replaces them by their
//! differences until g is 0. Then f is 1 or −1. Thirty steps at a time depend only on the lowest 30 bits, so they are
//! computed with one word and applied to the whole numbers as a matrix. d and e are the factors that give f and g when
//! multiplied by the number, modulo the modulus.

/// A modulus and what is computed from it.
pub(crate) struct Modulus {
    /// 32-bit words, the lowest first.
    pub(crate) words: [u32; 8],
    /// 30-bit digits, the lowest first.
    pub(crate) digits: [i32; 9],
    /// The inverse of the modulus, modulo 2³⁰.
    pub(crate) inverse: u32,
}

/// Thirty steps as a matrix: f and g become (u·f + v·g)/2³⁰ and (q·f + r·g)/2³⁰.
struct Steps {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

const BITS: u32 = 30;
const MASK: i64 = (1 << BITS) - 1;

/// Computes 1/`number` modulo the modulus. Returns 0 for 0. The number must be below the modulus.
pub(crate) fn modulo(modulus: &Modulus, number: &[u32; 8]) -> [u32; 8] {
    let (mut d, mut e) = ([0; 9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (mut f, mut g) = (modulus.digits, digits_of(number));
    let mut eta = -1;
    // At most 25 rounds are needed: 735 steps are enough for 256 bits (theorem 11.2).
    for _ in 0..25 {
        let steps = steps(&mut eta, f[0] as u32, g[0] as u32);
        update_factors(&mut d, &mut e, &steps, modulus);
        update_numbers(&mut f, &mut g, &steps);
        if g == [0; 9] {
            break;
        }
    }
    words_of(&normalise(d, f[8], modulus))
}

/// Computes thirty steps from the lowest bits of f and g.
fn steps(eta: &mut i32, mut f: u32, mut g: u32) -> Steps {
    let (mut u, mut v, mut q, mut r) = (1_u32, 0_u32, 0_u32, 1_u32);
    let mut left = BITS;
    loop {
        let zeros = (g | (u32::MAX << left)).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        *eta -= zeros as i32;
        left -= zeros;
        if left == 0 {
            break;
        }
        if *eta < 0 {
            *eta = -*eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
        }
        // Clear up to six bits of g with a multiple of f: f·(2 − f²) is 1/f modulo 64.
        let limit = (*eta as u32 + 1).min(left).min(6);
        let factor = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2)) & ((1 << limit) - 1);
        g = g.wrapping_add(f.wrapping_mul(factor));
        q = q.wrapping_add(u.wrapping_mul(factor));
        r = r.wrapping_add(v.wrapping_mul(factor));
    }
    let signed = |word: u32| i64::from(word as i32);
    Steps {
        u: signed(u),
        v: signed(v),
        q: signed(q),
        r: signed(r),
    }
}

/// Applies steps to d and e, modulo the modulus. Both stay between −2·modulus and the modulus.
fn update_factors(d: &mut [i32; 9], e: &mut [i32; 9], steps: &Steps, modulus: &Modulus) {
    let Steps { u, v, q, r } = *steps;
    // Start with the multiples of the modulus that make up for negative factors, then make the lowest digits 0.
    let (negative_d, negative_e) = (i64::from(d[8] >> 31), i64::from(e[8] >> 31));
    let (first_d, first_e) = (i64::from(d[0]), i64::from(e[0]));
    let multiple = |own: i64, other: i64| {
        let multiple = (own & negative_d) + (other & negative_e);
        let column = own * first_d + other * first_e;
        multiple - ((i64::from(modulus.inverse) * (column & MASK) + multiple) & MASK)
    };
    let (multiple_d, multiple_e) = (multiple(u, v), multiple(q, r));
    let (mut carry_d, mut carry_e) = (0, 0);
    let (mut previous_d, mut previous_e): (Option<&mut i32>, Option<&mut i32>) = (None, None);
    for ((d, e), digit) in d.iter_mut().zip(e).zip(modulus.digits) {
        let (own, other, digit) = (i64::from(*d), i64::from(*e), i64::from(digit));
        carry_d += u * own + v * other + digit * multiple_d;
        carry_e += q * own + r * other + digit * multiple_e;
        if let (Some(previous_d), Some(previous_e)) = (previous_d, previous_e) {
            *previous_d = (carry_d & MASK) as i32;
            *previous_e = (carry_e & MASK) as i32;
        }
        carry_d >>= BITS;
        carry_e >>= BITS;
        (previous_d, previous_e) = (Some(d), Some(e));
    }
    if let (Some(highest_d), Some(highest_e)) = (previous_d, previous_e) {
        *highest_d = carry_d as i32;
        *highest_e = carry_e as i32;
    }
}

/// Applies steps to f and g. The lowest digits of the results are 0 and are shifted out.
fn update_numbers(f: &mut [i32; 9], g: &mut [i32; 9], steps: &Steps) {
    let Steps { u, v, q, r } = *steps;
    let (mut carry_f, mut carry_g) = (0, 0);
    let (mut previous_f, mut previous_g): (Option<&mut i32>, Option<&mut i32>) = (None, None);
    for (f, g) in f.iter_mut().zip(g) {
        let (own, other) = (i64::from(*f), i64::from(*g));
        carry_f += u * own + v * other;
        carry_g += q * own + r * other;
        if let (Some(previous_f), Some(previous_g)) = (previous_f, previous_g) {
            *previous_f = (carry_f & MASK) as i32;
            *previous_g = (carry_g & MASK) as i32;
        }
        carry_f >>= BITS;
        carry_g >>= BITS;
        (previous_f, previous_g) = (Some(f), Some(g));
    }
    if let (Some(highest_f), Some(highest_g)) = (previous_f, previous_g) {
        *highest_f = carry_f as i32;
        *highest_g = carry_g as i32;
    }
}

/// Brings a factor between −2·modulus and the modulus to between 0 and the modulus, and negates it if f is negative.
fn normalise(factor: [i32; 9], sign: i32, modulus: &Modulus) -> [i32; 9] {
    let with_modulus = |factor: [i32; 9]| {
        let mut digits = modulus.digits.iter().zip(factor);
        match factor[8] < 0 {
            true => carried([(); 9].map(|()| digits.next().map_or(0, |(a, b)| a + b))),
            false => factor,
        }
    };
    let factor = with_modulus(factor);
    with_modulus(match sign < 0 {
        true => carried(factor.map(|digit| -digit)),
        false => factor,
    })
}

/// Carries so that every digit but the highest is between 0 and the base.
fn carried(digits: [i32; 9]) -> [i32; 9] {
    let mut carry = 0;
    let mut digits = digits.map(|digit| {
        let sum = i64::from(digit) + carry;
        carry = sum >> BITS;
        (sum & MASK) as i32
    });
    // The highest digit keeps its carry.
    digits[8] += (carry << BITS) as i32;
    digits
}

fn digits_of(words: &[u32; 8]) -> [i32; 9] {
    let mut words = words.iter();
    let (mut pending, mut bits) = (0_u64, 0);
    [(); 9].map(|()| {
        if bits < BITS
            && let Some(&word) = words.next()
        {
            pending |= u64::from(word) << bits;
            bits += 32;
        }
        let digit = pending & MASK as u64;
        pending >>= BITS;
        bits = bits.saturating_sub(BITS);
        digit as i32
    })
}

fn words_of(digits: &[i32; 9]) -> [u32; 8] {
    let mut digits = digits.iter();
    let (mut pending, mut bits) = (0_u64, 0);
    [(); 8].map(|()| {
        while bits < 32
            && let Some(&digit) = digits.next()
        {
            pending |= (digit as u64) << bits;
            bits += BITS;
        }
        let word = pending as u32;
        pending >>= 32;
        bits = bits.saturating_sub(32);
        word
    })
}

#[cfg(test)]
mod tests;
