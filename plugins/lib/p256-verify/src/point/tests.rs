use p256::elliptic_curve::ops::Double as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{ProjectivePoint, Scalar};

use super::*;

/// The coordinates of a point, as words. `None` is the point at infinity.
fn coordinates(point: Option<Jacobian>) -> Option<[[u32; 8]; 2]> {
    let [affine] = Jacobian::to_affine(&[point?]).try_into().ok()?;
    Some([affine.x.to_words(), affine.y.to_words()])
}

/// k times the generator, by the crate `p256`.
fn expected(k: i64) -> Option<[[u32; 8]; 2]> {
    let multiple = ProjectivePoint::GENERATOR * Scalar::from(k.unsigned_abs());
    let multiple = if k < 0 { -multiple } else { multiple };
    let encoded = multiple.to_affine().to_sec1_point(false);
    let words = |bytes: &[u8]| crate::field::words(bytes.try_into().unwrap());
    Some([words(encoded.x()?), words(encoded.y()?)])
}

fn affine(k: i64) -> Affine {
    let [x, y] = expected(k).unwrap().map(|words| Element::from_words(&words));
    Affine::new(x, y).unwrap()
}

/// The point with a z other than 1.
fn scaled(point: Affine, by: u32) -> Jacobian {
    let z = Element::from_words(&[by, 0, 0, 0, 0, 0, 0, 0x1000]);
    let squared = z.square();
    Jacobian {
        x: point.x.times(&squared),
        y: point.y.times(&squared.times(&z)),
        z,
    }
}

#[test]
fn the_generator_is_that_of_the_standard() {
    let Affine { x, y } = Affine::GENERATOR;
    assert_eq!(Some([x.to_words(), y.to_words()]), expected(1));
    assert!(Affine::new(x, y).is_some());
}

#[test]
fn sums_are_right_also_of_equal_and_opposite_points() {
    for a in 1..=6 {
        for b in -6..=6 {
            if b == 0 {
                continue;
            }
            for z in [1, 77] {
                let sum = scaled(affine(a), z).plus(&affine(b));
                assert_eq!(coordinates(sum), expected(a + b), "{a} + {b}");
            }
        }
        assert_eq!(coordinates(Some(scaled(affine(a), 5).double())), expected(2 * a));
    }
}

#[test]
fn long_chains_stay_small_and_right() {
    // 2³⁰⁰ times the generator, then 300 additions.
    let mut point = Jacobian::from(Affine::GENERATOR);
    let mut theirs = ProjectivePoint::GENERATOR;
    for _ in 0..300 {
        point = point.double();
        theirs = theirs.double();
    }
    for k in 1..300 {
        point = point.plus(&affine(k % 9 + 1)).unwrap();
        theirs += ProjectivePoint::GENERATOR * Scalar::from(k.unsigned_abs() % 9 + 1);
        let largest = [point.x, point.y, point.z]
            .map(|element| element.0[8].abs())
            .into_iter()
            .max();
        // 6·2²⁵⁶.
        assert!(largest <= Some(6 << 24), "{largest:?}");
    }
    let encoded = theirs.to_affine().to_sec1_point(false);
    let found = coordinates(Some(point)).unwrap();
    assert_eq!(
        &found[0],
        &crate::field::words(encoded.x().unwrap().as_slice().try_into().unwrap())
    );
}

#[test]
fn a_point_beside_the_curve_is_refused() {
    let Affine { x, y } = Affine::GENERATOR;
    assert!(Affine::new(x, y.plus(&Element::ONE)).is_none());
    assert!(Affine::new(y, x).is_none());
    assert!(Affine::new(Element::ZERO, Element::ZERO).is_none());
}

#[test]
fn y_is_found_by_its_parity() {
    for k in 1..40 {
        let point = affine(k);
        let odd = point.y.to_words()[0] & 1 == 1;
        for (parity, expected) in [(odd, point.y), (!odd, point.y.multiple(-1))] {
            let found = Affine::with_parity(point.x, parity).unwrap();
            assert_eq!(found.y.to_words(), expected.to_words());
        }
    }
    // About half of all numbers are no x of a point.
    let found = (0..100).filter(|&x| {
        let x = Element::from_words(&[x, 0, 0, 0, 0, 0, 0, 0]);
        Affine::with_parity(x, true).is_some()
    });
    assert!((30..70).contains(&found.count()));
}

#[test]
fn a_point_with_z_0_has_no_x() {
    let zero = Jacobian {
        x: Element::ZERO,
        y: Element::ONE,
        z: Element::ONE.minus(&Element::ONE),
    };
    let multiple_of_p = Jacobian {
        z: Element::from_words(&[0; 8]),
        ..zero
    };
    for point in [zero, multiple_of_p, zero.double()] {
        for candidate in [Element::ZERO, Element::ONE, Affine::GENERATOR.x] {
            assert!(!point.has_x(&candidate));
        }
    }
    let sum = zero.plus(&Affine::GENERATOR);
    assert!(sum.is_none_or(|sum| !sum.has_x(&Affine::GENERATOR.x)));
}
