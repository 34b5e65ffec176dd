use num_bigint::BigInt;
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{FieldBytes, ProjectivePoint};

use super::*;
use crate::field::Element;
use crate::test_numbers::{Draw, order_of_group, words_of};

fn theirs(k: &BigInt) -> p256::Scalar {
    let (_, digits) = k.to_bytes_be();
    let mut bytes = FieldBytes::default();
    bytes[32 - digits.len()..].copy_from_slice(&digits);
    p256::Scalar::from_repr(bytes).unwrap()
}

fn point(point: &ProjectivePoint) -> Option<[[u32; 8]; 2]> {
    let encoded = point.to_affine().to_sec1_point(false);
    let words = |bytes: &[u8]| crate::field::words(bytes.try_into().unwrap());
    Some([words(encoded.x()?), words(encoded.y()?)])
}

/// Compares u·G + v·Q, where Q = `key`·G, with the crate `p256`.
fn compare(key: &BigInt, key_comb: &Comb, u: &BigInt, v: &BigInt) {
    let generator = Comb::new(Affine::GENERATOR).unwrap();
    compare_with(&generator, key, key_comb, u, v);
}

fn compare_with(generator: &Comb, key: &BigInt, key_comb: &Comb, u: &BigInt, v: &BigInt) {
    let (first, second) = (Scalar(words_of(u)), Scalar(words_of(v)));
    let sum = sum_of_multiples(&[(&first, generator), (&second, key_comb)]);
    let expected = ProjectivePoint::GENERATOR * (theirs(u) + theirs(v) * theirs(key));
    let found = sum.map(|sum| {
        let affine = Jacobian::to_affine(&[sum])[0];
        [affine.x.to_words(), affine.y.to_words()]
    });
    assert_eq!(found, point(&expected), "{u}·G + {v}·{key}·G");
}

fn comb_of(key: &BigInt) -> Comb {
    let [x, y] = point(&(ProjectivePoint::GENERATOR * theirs(key))).unwrap();
    Comb::new(Affine::new(Element::from_words(&x), Element::from_words(&y)).unwrap()).unwrap()
}

#[test]
fn sums_are_right_for_drawn_numbers() {
    let n = order_of_group();
    let generator = Comb::new(Affine::GENERATOR).unwrap();
    let mut draw = Draw(21);
    for _ in 0..30 {
        let key = draw.below(&(&n - 1)) + 1;
        let comb = comb_of(&key);
        for _ in 0..20 {
            compare_with(&generator, &key, &comb, &draw.below(&n), &draw.below(&n));
        }
    }
}

/// Keys that are known multiples of the generator, so that the sums meet equal points, opposite points and the point at
/// infinity, at the end and on the way.
#[test]
fn sums_are_right_where_points_are_equal_or_opposite() {
    let n = order_of_group();
    let generator = Comb::new(Affine::GENERATOR).unwrap();
    let one = BigInt::from(1);
    let mut keys = vec![one.clone(), &n - 1, BigInt::from(2), &n - 2, (&n + 1) / 2];
    // Multiples by a tooth, or by a sum of the table.
    keys.extend([37, 74, 222].map(|bit| BigInt::from(1) << bit));
    for key in &keys {
        let comb = comb_of(key);
        let mut numbers = vec![
            BigInt::from(0),
            one.clone(),
            BigInt::from(2),
            BigInt::from(3),
            &n - 1,
            &n - 2,
            &n / 2,
        ];
        numbers.extend((0..256).step_by(37).map(|bit| BigInt::from(1) << bit));
        for u in &numbers {
            for v in &numbers {
                compare_with(&generator, key, &comb, u, v);
            }
            // The sum is the point at infinity.
            let opposite = (&n - (u * key) % &n) % &n;
            compare_with(&generator, key, &comb, &opposite, u);
        }
    }
}

#[test]
fn the_signs_of_a_number_sum_to_it() {
    let n = order_of_group();
    let mut draw = Draw(2);
    let mut numbers = vec![BigInt::from(0), BigInt::from(1), BigInt::from(2), &n - 1];
    numbers.extend((0..100).map(|_| draw.below(&n)));
    for number in numbers {
        let signs = Signs::of(&Scalar(words_of(&number)));
        let mut sum = BigInt::from(0);
        for column in 0..COLUMNS {
            let teeth = signs.column(column);
            for tooth in 0..TEETH {
                let power = BigInt::from(1) << (column + tooth * COLUMNS);
                let positive = (teeth >> tooth & 1 == 1) != signs.opposite;
                sum += if positive { power } else { -power };
            }
        }
        assert_eq!((sum % &n + &n) % &n, number);
    }
}

#[test]
fn a_table_has_the_size_that_its_documentation_says() {
    let comb = Comb::new(Affine::GENERATOR).unwrap();
    assert_eq!(comb.0.len() * size_of::<Affine>(), 4608);
    compare(&BigInt::from(1), &comb, &BigInt::from(5), &BigInt::from(7));
}
