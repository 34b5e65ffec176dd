use num_bigint::BigInt;

use super::*;
use crate::field::PRIME;
use crate::scalar::ORDER;
use crate::test_numbers::{Draw, value, words_of};

#[test]
fn a_number_times_its_inverse_is_one() {
    let mut draw = Draw(11);
    for modulus in [&PRIME, &ORDER] {
        let m = value(&modulus.words);
        let mut numbers = vec![BigInt::from(1), BigInt::from(2), &m - 1, &m - 2, (&m + 1) / 2];
        numbers.extend((0..256).map(|bit| (BigInt::from(1) << bit) % &m));
        numbers.extend(
            (0..3000)
                .map(|_| draw.below(&m))
                .filter(|number| *number != BigInt::from(0)),
        );
        for number in numbers {
            let inverse = value(&modulo(modulus, &words_of(&number)));
            assert!(inverse < m);
            assert_eq!(inverse * &number % &m, BigInt::from(1), "{number}");
        }
        assert_eq!(modulo(modulus, &[0; 8]), [0; 8]);
    }
}

#[test]
fn constants_are_what_they_are_named() {
    for modulus in [&PRIME, &ORDER] {
        assert_eq!(digits_of(&modulus.words), modulus.digits);
        assert_eq!(words_of_digits(&modulus.digits), modulus.words);
        let product = (modulus.digits[0] as u32).wrapping_mul(modulus.inverse);
        assert_eq!(product & MASK as u32, 1);
    }
}

fn words_of_digits(digits: &[i32; 9]) -> [u32; 8] {
    super::words_of(digits)
}
