//! Modular powers in constant time, computed in parts.

use crate::montgomery::{Modulus, Words, select};

/// Computes `base`ᵉ. Base and result are in Montgomery form. The exponent is given in big-endian bytes. Its length may
/// be public, but not its value.
///
/// Processes four bits of the exponent at a time, always with four squarings and one multiplication. It reads all
/// sixteen powers of the base to select the one that is needed.
pub(crate) fn power(modulus: &Modulus, base: &[u32], exponent: &[u8], announce: &dyn Fn(usize)) -> Words {
    // One step is about ten nanoseconds, the time to multiply and reduce two words of 32 bits.
    let words = modulus.words().len();
    let multiplication = words * words;

    announce(16 * multiplication);
    let one = modulus.one().to_vec();
    let powers: Vec<Words> =
        std::iter::successors(Some(one.clone()), |last| Some(modulus.multiply(last, base)))
            .take(16)
            .collect();

    let mut result = one;
    for byte in exponent {
        for nibble in [byte >> 4, byte & 15] {
            announce(5 * multiplication);
            for _ in 0..4 {
                result = modulus.multiply(&result, &result);
            }
            result = modulus.multiply(&result, &select(&powers, nibble));
        }
    }
    result
}
