//! Modular powers in constant time, computed in parts.

use crypto_bigint::modular::BoxedMontyForm;
use crypto_bigint::{BoxedUint, CtAssign as _, CtEq as _, MontyForm, MontyMultiplier as _};

/// Computes `base`ᵉ. The exponent is given in big-endian bytes. Its length may be public, but not its value.
///
/// Processes four bits of the exponent at a time, always with four squarings and one multiplication. It reads all
/// sixteen powers of the base to select the one that is needed.
pub(crate) fn power(base: &BoxedMontyForm, exponent: &[u8], announce: &dyn Fn(usize)) -> BoxedMontyForm {
    let params = base.params();
    let mut multiplier = <BoxedMontyForm as MontyForm>::Multiplier::from(params);
    // One step is about ten nanoseconds, the time to multiply and reduce two words of 32 bits.
    let words = params.bits_precision() as usize / 32;
    let multiplication = words * words;

    announce(16 * multiplication);
    let one = BoxedMontyForm::one(params);
    let powers: Vec<BoxedUint> = std::iter::successors(Some(one.clone()), |last| {
        let mut next = last.clone();
        multiplier.mul_assign(&mut next, base);
        Some(next)
    })
    .take(16)
    .map(|power| power.to_montgomery())
    .collect();

    let mut result = one;
    let mut factor = BoxedMontyForm::one(params);
    for byte in exponent {
        for nibble in [byte >> 4, byte & 15] {
            announce(5 * multiplication);
            for _ in 0..4 {
                multiplier.square_assign(&mut result);
            }
            for (index, power) in (0_u8..).zip(&powers) {
                factor.as_montgomery_mut().ct_assign(power, index.ct_eq(&nibble));
            }
            multiplier.mul_assign(&mut result, &factor);
        }
    }
    result
}
