//! Compares whole checks with the crate `p256`, and with published signatures. For more keys than usual:
//! `P256_VERIFY_KEYS=10000 cargo test --release -p p256-verify`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use num_bigint::BigUint;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{AffinePoint, FieldBytes, ProjectivePoint, PublicKey as Theirs, Scalar};
use p256_verify::{InvalidKey, PublicKey};
use sha2::{Digest as _, Sha256};

/// Small and predictable, so that a failure can be repeated.
struct Draw(u64);

impl Draw {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.word() >> 32) as usize % limit
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| (self.word() >> 56) as u8)
    }

    fn key(&mut self) -> SigningKey {
        loop {
            if let Ok(key) = SigningKey::from_slice(&self.bytes::<32>()) {
                return key;
            }
        }
    }
}

fn order() -> BigUint {
    BigUint::parse_bytes(
        b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        16,
    )
    .unwrap()
}

fn bytes(number: &BigUint) -> [u8; 32] {
    let digits = number.to_bytes_be();
    let mut bytes = [0; 32];
    bytes[32 - digits.len()..].copy_from_slice(&digits);
    bytes
}

fn ours(key: &VerifyingKey) -> PublicKey {
    PublicKey::from_sec1(key.to_sec1_point(false).as_bytes()).unwrap()
}

/// Returns our verdict, after checking that `p256` agrees.
fn verdict(our_key: &PublicKey, their_key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let theirs =
        Signature::from_slice(signature).is_ok_and(|signature| their_key.verify(message, &signature).is_ok());
    let ours = our_key.verifies(message, signature, &|_| ());
    assert_eq!(
        ours,
        theirs,
        "{:02x?}, {message:02x?}, {signature:02x?}",
        our_key.coordinates()
    );
    ours
}

#[test]
fn verdicts_agree_for_drawn_keys_messages_and_signatures() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let n = order();
    let keys = std::env::var("P256_VERIFY_KEYS").map_or(150, |keys| keys.parse().unwrap());
    for _ in 0..keys {
        let signing = draw.key();
        let theirs = signing.verifying_key();
        let key = ours(theirs);
        for _ in 0..5 {
            let message = draw.bytes::<40>();
            let signature: Signature = signing.sign(&message);
            let signature: [u8; 64] = signature.to_bytes().into();
            assert!(verdict(&key, theirs, &message, &signature));

            let (r, s) = signature.split_at(32);
            let negative = bytes(&(&n - BigUint::from_bytes_be(s)));
            assert!(
                verdict(&key, theirs, &message, &[r, &negative].concat()),
                "n - s is valid"
            );
            assert!(!verdict(&key, theirs, &message[1..], &signature));
            assert!(!verdict(&key, theirs, &message, &[s, r].concat()));
            let mut flipped = signature;
            let bit = draw.below(512);
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!verdict(&key, theirs, &message, &flipped), "bit {bit}");
            assert!(!verdict(&key, theirs, &message, &draw.bytes::<64>()));
        }
    }
}

#[test]
fn verdicts_agree_at_the_edges_of_numbers_and_lengths() {
    let mut draw = Draw(3);
    let n = order();
    let highest = (BigUint::from(1_u32) << 256) - 1_u32;
    let edges = [
        BigUint::from(0_u32),
        BigUint::from(1_u32),
        BigUint::from(2_u32),
        &n - 2_u32,
        &n - 1_u32,
        n.clone(),
        &n + 1_u32,
        highest,
    ];
    // 1, 2, n − 1 and n − 2 as keys make u·G and v·Q equal or opposite.
    let mut keys: Vec<SigningKey> = [&edges[1], &edges[2], &edges[3], &edges[4]]
        .map(|number| SigningKey::from_slice(&bytes(number)).unwrap())
        .into();
    keys.extend((0..10).map(|_| draw.key()));
    for signing in keys {
        let theirs = signing.verifying_key();
        let key = ours(theirs);
        let message = draw.bytes::<10>();
        let good: Signature = signing.sign(&message);
        let good: [u8; 64] = good.to_bytes().into();
        for r in &edges {
            for s in &edges {
                verdict(&key, theirs, &message, &[bytes(r), bytes(s)].concat());
            }
            verdict(&key, theirs, &message, &[&bytes(r), &good[32..]].concat());
            verdict(&key, theirs, &message, &[&good[..32], &bytes(r)].concat());
        }
        for length in [0, 1, 32, 63, 65, 72, 128] {
            let mut other = good.to_vec();
            other.resize(length, 0);
            assert!(!verdict(&key, theirs, &message, &other), "{length} bytes");
        }
    }
}

/// A key for which `r` and `s` sign `message`, where the sum of multiples is `point`: (s·R − e·G)/r.
fn key_for(point: AffinePoint, r: &Scalar, s: &Scalar, message: &[u8]) -> Option<VerifyingKey> {
    let digest: FieldBytes = <[u8; 32]>::from(Sha256::digest(message)).into();
    let digest = BigUint::from_bytes_be(&digest) % order();
    let digest = Scalar::from_repr(bytes(&digest).into()).unwrap();
    let inverse = r.invert().unwrap();
    let key = (ProjectivePoint::from(point) * s - ProjectivePoint::GENERATOR * digest) * inverse;
    VerifyingKey::from_affine(key.to_affine()).ok()
}

#[test]
fn an_x_from_n_on_is_found_by_its_remainder() {
    let (n, message) = (order(), b"the x of the sum is r + n");
    let mut checked = 0;
    // x between n and p: a number of 128 bits above n.
    for above in 1_u32..60 {
        let compressed = [&[2], bytes(&(&n + above)).as_slice()].concat();
        let Ok(point) = Theirs::from_sec1_bytes(&compressed) else {
            continue;
        };
        let (r, s) = (Scalar::from(u64::from(above)), Scalar::from(77_u64));
        let theirs = key_for(*point.as_affine(), &r, &s, message).unwrap();
        let key = ours(&theirs);
        let signature = |r: u32| [bytes(&BigUint::from(r)), bytes(&BigUint::from(77_u32))].concat();
        assert!(verdict(&key, &theirs, message, &signature(above)));
        assert!(!verdict(&key, &theirs, message, &signature(above + 1)));
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn an_r_whose_sum_with_n_reaches_beyond_p_is_x_or_nothing() {
    // x = r < p − n can be r or r + n; x = r ≥ p − n can only be r.
    let p_minus_n = (BigUint::from(1_u32) << 256) - (BigUint::from(1_u32) << 224)
        + (BigUint::from(1_u32) << 192)
        + (BigUint::from(1_u32) << 96)
        - 1_u32
        - order();
    let message = b"message";
    let mut checked = 0;
    for offset in 0_u32..40 {
        for x in [
            &p_minus_n + offset,
            BigUint::from(offset + 1),
            order() - 1_u32 - offset,
        ] {
            let compressed = [&[3], bytes(&x).as_slice()].concat();
            let Ok(point) = Theirs::from_sec1_bytes(&compressed) else {
                continue;
            };
            let (r, s) = (Scalar::from_repr(bytes(&x).into()).unwrap(), Scalar::from(5_u64));
            let theirs = key_for(*point.as_affine(), &r, &s, message).unwrap();
            let signature = [bytes(&x), bytes(&BigUint::from(5_u32))].concat();
            assert!(verdict(&ours(&theirs), &theirs, message, &signature), "{x}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn a_sum_at_infinity_verifies_nothing() {
    // With the key −e·G/r, e·G + r·Q is the point at infinity, whatever s is.
    let message = b"message";
    for r in [1_u64, 2, 3, 1 << 40] {
        let digest = BigUint::from_bytes_be(&Sha256::digest(message)) % order();
        let digest = Scalar::from_repr(bytes(&digest).into()).unwrap();
        let key = -(ProjectivePoint::GENERATOR * digest) * Scalar::from(r).invert().unwrap();
        let theirs = VerifyingKey::from_affine(key.to_affine()).unwrap();
        for s in [1_u32, 7] {
            let signature = [bytes(&BigUint::from(r)), bytes(&BigUint::from(s))].concat();
            assert!(!verdict(&ours(&theirs), &theirs, message, &signature));
        }
    }
}

#[test]
fn keys_are_read_as_by_p256() {
    let mut draw = Draw(8);
    let mut accepted = 0;
    for round in 0..2000 {
        let point = draw.key().verifying_key().to_sec1_point(round % 2 == 0);
        let mut encoded = point.as_bytes().to_vec();
        match round % 5 {
            0 => {}
            1 => encoded[0] = draw.below(8) as u8,
            2 => {
                let at = 1 + draw.below(encoded.len() - 1);
                encoded[at] ^= 1 << draw.below(8);
            }
            3 => encoded.truncate(draw.below(66)),
            _ => encoded[1..33].fill(0xff),
        }
        // 5 is a form of `p256` alone, x of the point whose y is the smaller one.
        if encoded.first() == Some(&5) {
            assert_eq!(PublicKey::from_sec1(&encoded), Err(InvalidKey::Encoding));
            continue;
        }
        let theirs = Theirs::from_sec1_bytes(&encoded).ok();
        let ours = PublicKey::from_sec1(&encoded).ok();
        let expected = theirs.map(|key| key.to_sec1_point(false).as_bytes()[1..].to_vec());
        assert_eq!(
            ours.map(|key| key.coordinates().to_vec()),
            expected,
            "{encoded:02x?}"
        );
        accepted += usize::from(theirs.is_some());
    }
    assert!((600..1800).contains(&accepted), "{accepted}");
}

#[test]
fn points_that_are_not_keys_say_why() {
    let key = Draw(1).key();
    let point = key.verifying_key().to_sec1_point(false);
    let mut off = point.as_bytes().to_vec();
    off[64] ^= 1;
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let p = bytes(&BigUint::parse_bytes(p.as_bytes(), 16).unwrap());
    // 0 is the x of a point, and p is 0 modulo p.
    assert!(PublicKey::from_sec1(&[&[2], [0; 32].as_slice()].concat()).is_ok());
    for (encoded, expected) in [
        (vec![], InvalidKey::Encoding),
        (vec![0], InvalidKey::Encoding),
        (point.as_bytes()[1..].to_vec(), InvalidKey::Encoding),
        ([point.as_bytes(), &[0]].concat(), InvalidKey::Encoding),
        (off, InvalidKey::NotOnCurve),
        ([&[4], [0; 64].as_slice()].concat(), InvalidKey::NotOnCurve),
        ([&[2], p.as_slice()].concat(), InvalidKey::NotOnCurve),
    ] {
        assert_eq!(PublicKey::from_sec1(&encoded), Err(expected), "{encoded:02x?}");
    }
}

/// RFC 6979, appendix A.2.5.
#[test]
fn the_signatures_of_rfc_6979_verify() {
    let number = |digits: &str| bytes(&BigUint::parse_bytes(digits.as_bytes(), 16).unwrap());
    let x = number("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
    let y = number("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    let key = PublicKey::from_sec1(&[&[4], x.as_slice(), y.as_slice()].concat()).unwrap();
    for (message, r, s) in [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        let signature = [number(r), number(s)].concat();
        assert!(key.verifies(message.as_bytes(), &signature, &|_| ()));
        assert!(!key.verifies(b"other", &signature, &|_| ()));
    }
}

#[test]
fn each_part_of_the_work_is_announced() {
    let signing = Draw(4).key();
    let key = ours(signing.verifying_key());
    let signature: Signature = signing.sign(b"message");
    let parts = std::cell::RefCell::new(Vec::new());
    let announce = |steps| parts.borrow_mut().push(steps);
    let check = || key.verifies(b"message", &signature.to_bytes(), &announce);
    assert!(check());
    let first = parts.take();
    // Tests share the table of the generator, so another one may have made it.
    assert!((2..=3).contains(&first.len()), "{first:?}");
    assert!(first.iter().all(|&steps| steps <= 50_000), "{first:?}");
    assert!(check());
    assert_eq!(parts.take().len(), 1, "tables are kept");
}
