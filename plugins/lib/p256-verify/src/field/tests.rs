use num_bigint::BigInt;

use super::*;
use crate::test_numbers::{Draw, order_of_field, value, words_of};

/// The number that digits stand for.
fn number(element: &Element) -> BigInt {
    let digits = element.0.iter().rev();
    digits.fold(BigInt::from(0), |number, &digit| (number << BITS) + digit)
}

fn modulo(number: BigInt) -> BigInt {
    let p = order_of_field();
    ((number % &p) + &p) % p
}

/// R, and 1/R modulo p.
fn montgomery() -> (BigInt, BigInt) {
    let r: BigInt = BigInt::from(1) << 261;
    let p = order_of_field();
    let inverse = r.modpow(&(&p - 2), &p);
    (r, inverse)
}

/// The largest, smallest and most uneven digits that are balanced, and drawn ones.
fn balanced(draw: &mut Draw) -> Vec<Element> {
    let (low, high) = (-(1 << 28), (1 << 28) - 1);
    // The highest digit of a number below 6·2²⁵⁶.
    let top = 6 << 24;
    let mut elements = vec![
        Element::ZERO,
        Element::ONE,
        Element::P,
        Element([high, high, high, high, high, high, high, high, top]),
        Element([low, low, low, low, low, low, low, low, -top]),
        Element([low, high, low, high, low, high, low, high, top]),
        Element([high, low, high, low, high, low, high, low, -top]),
        Element([1, 0, 0, 0, 0, 0, 0, 0, 0]),
        Element([-1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for _ in 0..20 {
        let mut element = Element([(); 9].map(|()| (draw.word() >> 35) as i32 - (1 << 28)));
        element.0[8] >>= 2;
        elements.push(element);
    }
    elements
}

/// Also checks what products promise about their digits.
fn assert_is(product: &Element, expected: BigInt, what: &str) {
    assert_eq!(modulo(number(product)), modulo(expected), "{what}");
    let (half, [lower @ .., _]) = (1 << 28, product.0);
    assert!(
        lower.iter().all(|digit| (-half..half).contains(digit)),
        "{what}: {product:?}"
    );
}

#[test]
fn constants_are_what_they_are_named() {
    let (r, _) = montgomery();
    let p = order_of_field();
    assert_eq!(number(&Element::P), p);
    assert_eq!(number(&Element::ONE), &r % &p);
    assert_eq!(number(&Element::R_SQUARED), &r * &r % &p);
    assert_eq!(value(&PRIME.words), p);
}

#[test]
fn products_are_right_where_columns_are_largest() {
    let mut draw = Draw(0x5eed);
    let (_, inverse) = montgomery();
    let all = balanced(&mut draw);
    // As many times the balanced digits as the point formulas use: 14 in a product.
    for (m, n) in [(1, 1), (1, 4), (4, 1), (2, 3), (3, 3), (2, 7), (7, 2)] {
        for x in &all {
            for y in &all {
                let (x, y) = (x.multiple(m), y.multiple(n));
                if m * n > 4 && (x.0[8].abs() > 6 << 24 || y.0[8].abs() > 6 << 24) {
                    continue;
                }
                let expected = number(&x) * number(&y) * &inverse;
                assert_is(&x.times(&y), expected.clone(), "product");
                let addend = y.multiple(-1);
                assert_is(&x.times_plus(&y, &addend), expected + number(&addend), "sum");
            }
        }
    }
    for x in &all {
        for m in 1..=3 {
            let x = x.multiple(m);
            let expected = number(&x) * number(&x) * &inverse;
            assert_is(&x.square(), expected.clone(), "square");
            let addend = Element::P.multiple(-3);
            assert_is(
                &x.square_plus(&addend),
                expected + number(&addend),
                "square and sum",
            );
        }
        for y in &all {
            let expected = (number(x) * number(y) * 2 - number(y) * number(&Element::P)) * &inverse;
            let found = x.multiple(2).times_minus(y, y, &Element::P);
            assert_is(&found, expected, "difference of products");
        }
    }
}

#[test]
fn reduced_numbers_are_small_and_the_same() {
    let mut draw = Draw(7);
    for x in balanced(&mut draw) {
        let mut x = x;
        for top in [0, 1, -1, 12 << 24, -(12 << 24), (5 << 24) + 3] {
            x.0[8] = top;
            let reduced = x.reduced();
            assert_eq!(modulo(number(&reduced)), modulo(number(&x)));
            assert!((0..1 << 24).contains(&reduced.0[8]), "{reduced:?}");
        }
    }
}

#[test]
fn numbers_come_back() {
    let mut draw = Draw(1);
    let p = order_of_field();
    let mut numbers = vec![BigInt::from(0), BigInt::from(1), &p - 1, &p / 2];
    numbers.extend((0..200).map(|_| draw.below(&p)));
    for expected in numbers {
        let words = words_of(&expected);
        assert_eq!(value(&Element::from_words(&words).to_words()), expected);
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words.iter().rev()) {
            *chunk = word.to_be_bytes();
        }
        assert_eq!(value(&Element::from_bytes(&bytes).unwrap().to_words()), expected);
    }
}

#[test]
fn numbers_from_p_on_are_refused() {
    for above in [0, 1, 2] {
        let words = words_of(&(order_of_field() + above));
        assert!(!is_below_p(&words));
    }
    assert!(is_below_p(&words_of(&(order_of_field() - 1))));
    assert!(Element::from_bytes(&[0xff; 32]).is_none());
}

#[test]
fn every_small_multiple_of_p_is_zero_and_nothing_beside_it() {
    for k in -20..=20 {
        let multiple = Element::P.multiple(k);
        assert!(multiple.is_zero(), "{k}");
        // The same number with other digits.
        let mut carried = multiple;
        carried.0[3] += 1 << 9;
        carried.0[2] -= 1 << 29 >> 1;
        carried.0[2] -= 1 << 28;
        carried.0[3] -= (1 << 9) - 1;
        assert!(carried.is_zero(), "{k}");
        for (digit, by) in [(0, 1), (0, -1), (8, 1), (4, 1 << 20)] {
            let mut other = multiple;
            other.0[digit] += by;
            assert!(!other.is_zero(), "{k}");
        }
    }
}

#[test]
fn inverses_and_roots_are_right() {
    let mut draw = Draw(3);
    let p = order_of_field();
    assert_eq!(Element::ZERO.inverse().to_words(), [0; 8]);
    for _ in 0..200 {
        let x = Element::from_words(&words_of(&draw.below(&p)));
        assert_eq!(x.times(&x.inverse()).to_words(), Element::ONE.to_words());
        let square = x.square();
        let root = square.square_root();
        assert!(root.square().minus(&square).is_zero());
    }
}
