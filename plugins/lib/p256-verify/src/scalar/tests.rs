use num_bigint::BigInt;

use super::*;
use crate::test_numbers::{Draw, order_of_group, value, words_of};

fn bytes(number: &BigInt) -> [u8; 32] {
    let (_, digits) = number.to_bytes_be();
    let mut bytes = [0; 32];
    bytes[32 - digits.len()..].copy_from_slice(&digits);
    bytes
}

#[test]
fn constants_are_what_they_are_named() {
    let n = order_of_group();
    assert_eq!(value(&ORDER.words), n);
    assert_eq!(value(&R_SQUARED.0), (BigInt::from(1) << 512) % &n);
    assert_eq!(ORDER.words[0].wrapping_mul(NEGATIVE_INVERSE), u32::MAX);
}

#[test]
fn only_numbers_from_1_to_n_minus_1_are_scalars() {
    let n = order_of_group();
    for (number, is_one) in [
        (BigInt::from(0), false),
        (BigInt::from(1), true),
        (&n - 1, true),
        (n.clone(), false),
        (&n + 1, false),
        ((BigInt::from(1) << 256) - 1, false),
    ] {
        let read = Scalar::from_bytes(&bytes(&number));
        assert_eq!(read.map(|scalar| value(&scalar.0)), is_one.then_some(number));
    }
}

#[test]
fn arithmetic_is_that_of_integers() {
    let n = order_of_group();
    let mut draw = Draw(5);
    let mut numbers = vec![BigInt::from(1), BigInt::from(2), &n - 1, &n - 2, &n / 2];
    numbers.extend((0..300).map(|_| draw.below(&(&n - 1)) + 1));
    let zero = Scalar([0; 8]);
    for a in &numbers {
        let x = Scalar(words_of(a));
        assert_eq!(value(&x.complement().0), &n - a);
        assert_eq!(x.is_odd(), a.bit(0));
        let sum = a + &n;
        let expected = (sum.bits() <= 256).then(|| words_of(&sum));
        assert_eq!(x.plus_order(), expected);
        for b in numbers.iter().take(20) {
            let [quotient, nothing] = x.divide([&Scalar(words_of(b)), &zero]);
            assert_eq!(value(&quotient.0) * a % &n, *b);
            assert_eq!(nothing, zero);
        }
    }
    assert_eq!(zero.complement().0, ORDER.words);
}

#[test]
fn digests_are_reduced() {
    let n = order_of_group();
    let highest = (BigInt::from(1) << 256) - 1;
    for number in [BigInt::from(0), &n - 1, n.clone(), &n + 1, highest] {
        assert_eq!(value(&Scalar::from_digest(&bytes(&number)).0), number % &n);
    }
}
