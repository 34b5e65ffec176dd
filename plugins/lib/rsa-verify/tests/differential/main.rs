//! Compares this crate with two libraries that share no code with it: num-bigint for the arithmetic, and ring for whole
//! checks. `RSA_VERIFY_CASES=1000000 cargo test --release -p rsa-verify` draws a million cases; the default is a few
//! thousand. `RSA_VERIFY_SEED` repeats a run.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)] // a failing helper fails the test

mod draw;

use draw::Draw;
use num_bigint::BigUint;
use ring::digest;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents};
use rsa_verify::{Hash, PublicKey, Scheme};

/// Compares a power with num-bigint's. `case` describes the case if it fails.
fn power_is_right(modulus: &BigUint, base: &BigUint, e: u32, case: &str) {
    let key = PublicKey::new(&modulus.to_bytes_be(), &e.to_be_bytes()).unwrap();
    let length = modulus.bits().div_ceil(8) as usize;
    let found = key.encoded_message(&padded(base, length));
    if base < modulus {
        let expected = base.modpow(&BigUint::from(e), modulus);
        assert_eq!(
            found,
            Some(padded(&expected, length)),
            "{case}: {base:x}^{e} mod {modulus:x}"
        );
    } else {
        assert_eq!(found, None, "{case}: {base:x} is not below {modulus:x}");
    }
}

fn padded(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut all = vec![0; length.saturating_sub(bytes.len())];
    all.extend(bytes);
    all
}

#[test]
fn powers_are_right_for_every_eighth_size_and_more() {
    let mut draw = Draw::new();
    for (index, step) in (2048..=8192).step_by(8).enumerate() {
        for bits in [step, (step + 1 + index as u64 % 7).min(8192)] {
            let modulus = draw.modulus(bits);
            let base = draw.below(&modulus);
            power_is_right(&modulus, &base, if index % 2 == 0 { 3 } else { 65537 }, "size");
        }
    }
}

#[test]
fn powers_are_right_at_the_edges() {
    let one = BigUint::from(1_u32);
    // 3020 and 3021 bits are the last size with 24-bit digits and the first with 23-bit digits.
    for bits in [
        2048, 2049, 2055, 2056, 2063, 2064, 3020, 3021, 3072, 4096, 8191, 8192,
    ] {
        let highest = &one << (bits - 1);
        let moduli: [BigUint; 5] = [
            (&one << bits) - &one,
            &highest + &one,
            &highest + BigUint::from(3_u32),
            &highest + (&highest >> 1) + &one,
            (&one << bits) - (&one << (bits / 2)) - &one,
        ];
        for modulus in &moduli {
            let bases = [
                BigUint::ZERO,
                one.clone(),
                BigUint::from(2_u32),
                modulus >> 1,
                (modulus >> 1) + &one,
                modulus - &one - &one,
                modulus - &one,
                modulus.clone(),
                modulus + &one,
            ];
            for base in bases
                .iter()
                .filter(|base| base.bits() <= modulus.bits().div_ceil(8) * 8)
            {
                for e in [3, 17, 65537, u32::MAX] {
                    power_is_right(modulus, base, e, "edge");
                }
            }
        }
    }
}

#[test]
fn powers_are_right_for_drawn_numbers() {
    let mut draw = Draw::new();
    for _ in 0..draw.cases() {
        let bits = draw.bits();
        let modulus = draw.modulus(bits);
        let base = draw.below(&modulus);
        let e = draw.exponent();
        power_is_right(&modulus, &base, e, "drawn");
    }
}

const HASHES: [(Hash, &digest::Algorithm, &RsaParameters, &RsaParameters, &str); 3] = [
    (
        Hash::Sha256,
        &digest::SHA256,
        &signature::RSA_PKCS1_2048_8192_SHA256,
        &signature::RSA_PSS_2048_8192_SHA256,
        "3031300d060960864801650304020105000420",
    ),
    (
        Hash::Sha384,
        &digest::SHA384,
        &signature::RSA_PKCS1_2048_8192_SHA384,
        &signature::RSA_PSS_2048_8192_SHA384,
        "3041300d060960864801650304020205000430",
    ),
    (
        Hash::Sha512,
        &digest::SHA512,
        &signature::RSA_PKCS1_2048_8192_SHA512,
        &signature::RSA_PSS_2048_8192_SHA512,
        "3051300d060960864801650304020305000440",
    ),
];

/// An independent EMSA-PKCS1-v1_5.
fn pkcs1(algorithm: &'static digest::Algorithm, prefix: &str, message: &[u8], length: usize) -> Vec<u8> {
    let prefix = BigUint::parse_bytes(prefix.as_bytes(), 16).unwrap().to_bytes_be();
    let digest = digest::digest(algorithm, message);
    let mut encoded = vec![0, 1];
    encoded.resize(length - prefix.len() - digest.as_ref().len() - 1, 0xff);
    encoded.push(0);
    encoded.extend(prefix);
    encoded.extend(digest.as_ref());
    encoded
}

/// An independent EMSA-PSS-ENCODE (RFC 8017 §9.1.1).
fn pss(algorithm: &'static digest::Algorithm, salt: &[u8], message: &[u8], bits: usize) -> Vec<u8> {
    let digest = digest::digest(algorithm, message);
    let h = digest::digest(algorithm, &[&[0; 8], digest.as_ref(), salt].concat());
    let length = bits.div_ceil(8);
    let mut block = vec![0; length - salt.len() - h.as_ref().len() - 2];
    block.push(1);
    block.extend(salt);
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(algorithm.output_len())) {
        let mask = digest::digest(algorithm, &[h.as_ref(), &counter.to_be_bytes()].concat());
        chunk
            .iter_mut()
            .zip(mask.as_ref())
            .for_each(|(byte, mask)| *byte ^= mask);
    }
    block[0] &= 0xff >> (8 * length - bits);
    [&block, h.as_ref(), &[0xbc]].concat()
}

/// Creates a key of `bits` bits and a signature that represents the number returned by `encode`. The factors are not
/// needed: s is random, and n = sᵉ − m makes sᵉ equal to m modulo n.
fn forge(draw: &mut Draw, bits: u64, e: u32, encode: &dyn Fn(&mut Draw) -> Vec<u8>) -> (BigUint, BigUint) {
    loop {
        let encoded = BigUint::from_bytes_be(&encode(draw));
        let low = (BigUint::from(1_u32) << (bits - 1)) + &encoded;
        let high = (BigUint::from(1_u32) << bits) + &encoded;
        let (from, to) = (low.nth_root(e), high.nth_root(e));
        let s = from.clone() + draw.below(&(to - from + BigUint::from(1_u32)));
        let Some(modulus) = s.pow(e).checked_sub(&encoded) else {
            continue;
        };
        if modulus.bits() == bits && modulus.bit(0) && encoded < modulus {
            return (modulus, s);
        }
    }
}

trait CheckedSub: Sized {
    fn checked_sub(self, other: &Self) -> Option<Self>;
}

impl CheckedSub for BigUint {
    fn checked_sub(self, other: &Self) -> Option<Self> {
        (self >= *other).then(|| self - other)
    }
}

/// Returns our verdict, after checking that ring agrees.
fn verdict(key: &PublicKey, n: &[u8], e: u32, scheme: Scheme, hash: usize, message: &[u8], s: &[u8]) -> bool {
    let (hash, _, ring_pkcs1, ring_pss, _) = HASHES[hash];
    let parameters = if scheme == Scheme::Pkcs1 {
        ring_pkcs1
    } else {
        ring_pss
    };
    let e = BigUint::from(e).to_bytes_be();
    let ring = RsaPublicKeyComponents { n, e: &e }
        .verify(parameters, message, s)
        .is_ok();
    let ours = key.verifies(scheme, hash, message, s);
    assert_eq!(
        ours, ring,
        "ours {ours}, ring {ring}: {scheme:?} {hash:?}, n {n:02x?}, s {s:02x?}"
    );
    ours
}

fn compare_with_ring(draw: &mut Draw, bits: u64, e: u32, scheme: Scheme, hash: usize) {
    let message = draw.bytes(40);
    let (_, algorithm, _, _, prefix) = HASHES[hash];
    let length = bits.div_ceil(8) as usize;
    let encode = |draw: &mut Draw| match scheme {
        Scheme::Pkcs1 => pkcs1(algorithm, prefix, &message, length),
        Scheme::Pss => pss(
            algorithm,
            &draw.bytes(algorithm.output_len()),
            &message,
            bits as usize - 1,
        ),
    };
    let (modulus, s) = forge(draw, bits, e, &encode);
    let n = modulus.to_bytes_be();
    let key = PublicKey::new(&n, &e.to_be_bytes()).unwrap();
    let s = padded(&s, length);
    assert!(
        verdict(&key, &n, e, scheme, hash, &message, &s),
        "{bits} bits, e = {e}, {scheme:?}"
    );

    let refused = |message: &[u8], s: &[u8], why: &str| {
        assert!(
            !verdict(&key, &n, e, scheme, hash, message, s),
            "{why}: {bits} bits, {scheme:?}"
        );
    };
    refused(&draw.bytes(40), &s, "another message");
    refused(&message, &s[1..], "a leading zero missing");
    refused(&message, &[&[0], s.as_slice()].concat(), "a zero too many");
    let mut flipped = s.clone();
    let bit = draw.index(length * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    refused(&message, &flipped, "another bit");
    let above = BigUint::from_bytes_be(&s) + &modulus;
    if above.bits().div_ceil(8) as usize <= length {
        refused(&message, &padded(&above, length), "not below the modulus");
    }
}

#[test]
fn whole_checks_agree_with_ring_for_every_eighth_size_and_more() {
    let mut draw = Draw::new();
    for (index, step) in (2048..=8192).step_by(8).enumerate() {
        let bits = (step + [0, 0, 1, 7][index % 4]).min(8192);
        let scheme = if index / 4 % 2 == 0 {
            Scheme::Pkcs1
        } else {
            Scheme::Pss
        };
        compare_with_ring(&mut draw, bits, [3, 17][index % 2], scheme, index % 3);
    }
}

#[test]
fn whole_checks_agree_with_ring_for_drawn_signatures() {
    let mut draw = Draw::new();
    for _ in 0..draw.cases() / 10 {
        let bits = draw.bits();
        let scheme = [Scheme::Pkcs1, Scheme::Pss][draw.index(2)];
        let (e, hash) = ([3, 5, 7, 17][draw.index(4)], draw.index(3));
        compare_with_ring(&mut draw, bits, e, scheme, hash);
    }
}

#[test]
fn pss_structure_is_judged_as_ring_does() {
    let mut draw = Draw::new();
    for round in 0..300 {
        let bits = 2048 + round % 17;
        let hash = draw.index(3);
        let (_, algorithm, ..) = HASHES[hash];
        let message = draw.bytes(20);
        let fault = draw.index(6);
        let encode = |draw: &mut Draw| {
            let salt_length = algorithm.output_len() - usize::from(fault == 1);
            let mut encoded = pss(algorithm, &draw.bytes(salt_length), &message, bits as usize - 1);
            let length = encoded.len();
            match fault {
                2 => encoded[length - 1] = 0xcc,
                3 => encoded[length - 2] ^= 1,
                4 => encoded[10] ^= 0x80,
                // The highest bit that the encoding may use.
                5 => encoded[0] ^= 0x80 >> (8 * length as u64 - (bits - 1)),
                _ => {}
            }
            encoded
        };
        let (modulus, s) = forge(&mut draw, bits, 3, &encode);
        let n = modulus.to_bytes_be();
        let key = PublicKey::new(&n, &[3]).unwrap();
        let s = padded(&s, n.len());
        assert_eq!(
            verdict(&key, &n, 3, Scheme::Pss, hash, &message, &s),
            fault == 0,
            "fault {fault}, {bits} bits"
        );
    }
}
