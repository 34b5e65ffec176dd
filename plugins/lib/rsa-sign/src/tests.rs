use std::cell::RefCell;

use pkcs1::der::{Decode as _, Encode as _};
use pkcs1::{RsaPrivateKeyRef, UintRef};
use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaKeyPair,
    UnparsedPublicKey, VerificationAlgorithm,
};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::EncodePrivateKey as _;

use super::*;

fn draw(bits: usize) -> rsa::RsaPrivateKey {
    rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap()
}

fn pkcs1_of(key: &rsa::RsaPrivateKey) -> Vec<u8> {
    key.to_pkcs1_der().unwrap().as_bytes().to_vec()
}

fn silently(_: usize) {}

fn rs256(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, WrongSignature> {
    key.sign(Scheme::Pkcs1, Hash::Sha256, message, &silently)
}

/// The scheme is deterministic, so two correct signatures have the same bytes.
#[test]
fn a_signature_is_the_one_that_ring_makes() {
    for (bits, messages) in [(2048, 40), (3072, 10), (4096, 5)] {
        let key = draw(bits);
        let ours = PrivateKey::from_pkcs1(&pkcs1_of(&key), &silently).unwrap();
        let theirs = RsaKeyPair::from_der(&pkcs1_of(&key)).unwrap();
        assert_eq!(ours.bits(), bits);
        for length in 0..messages {
            let message = vec![length; usize::from(length) * 7];
            let mut expected = vec![0; bits / 8];
            theirs
                .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut expected)
                .unwrap();
            assert_eq!(rs256(&ours, &message), Ok(expected), "{bits} bits");
        }
    }
}

#[test]
fn ring_accepts_the_signatures_of_every_scheme_and_hash() {
    let key = PrivateKey::from_pkcs1(&pkcs1_of(&draw(2048)), &silently).unwrap();
    let cases: [(Scheme, Hash, &dyn VerificationAlgorithm); 6] = [
        (Scheme::Pkcs1, Hash::Sha256, &RSA_PKCS1_2048_8192_SHA256),
        (Scheme::Pkcs1, Hash::Sha384, &RSA_PKCS1_2048_8192_SHA384),
        (Scheme::Pkcs1, Hash::Sha512, &RSA_PKCS1_2048_8192_SHA512),
        (Scheme::Pss, Hash::Sha256, &RSA_PSS_2048_8192_SHA256),
        (Scheme::Pss, Hash::Sha384, &RSA_PSS_2048_8192_SHA384),
        (Scheme::Pss, Hash::Sha512, &RSA_PSS_2048_8192_SHA512),
    ];
    for (scheme, hash, algorithm) in cases {
        let signature = key.sign(scheme, hash, b"a message", &silently).unwrap();
        let accepted = UnparsedPublicKey::new(algorithm, key.public_key()).verify(b"a message", &signature);
        assert!(accepted.is_ok(), "{scheme:?} {hash:?}");
        let again = key.sign(scheme, hash, b"a message", &silently).unwrap();
        assert_eq!(
            again == signature,
            scheme == Scheme::Pkcs1,
            "PSS uses a new salt each time"
        );
    }
}

#[test]
fn both_forms_of_a_key_sign_the_same_and_have_the_same_public_half() {
    let key = draw(2048);
    let plain = PrivateKey::from_pkcs1(&pkcs1_of(&key), &silently).unwrap();
    let wrapped = PrivateKey::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes(), &silently).unwrap();
    assert_eq!(plain.public_key(), wrapped.public_key());
    assert_eq!(rs256(&plain, b"a message"), rs256(&wrapped, b"a message"));
}

#[test]
fn keys_that_ring_refuses_are_refused() {
    let good = pkcs1_of(&draw(2048));
    for (what, der) in [
        ("nothing", vec![]),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("1024 bits", pkcs1_of(&draw(1024))),
        (
            "another modulus",
            altered(&good, |key, byte| key.modulus = byte, 100),
        ),
        ("another prime", altered(&good, |key, byte| key.prime1 = byte, 50)),
        (
            "another coefficient",
            altered(&good, |key, byte| key.coefficient = byte, 50),
        ),
    ] {
        let error = PrivateKey::from_pkcs1(&der, &silently).unwrap_err();
        assert!(matches!(error, InvalidKey::Rejected(_)), "{what}: {error:?}");
    }
}

/// A signature that is correct modulo one prime and wrong modulo the other reveals the key to anyone who sees it.
#[test]
fn a_signature_that_a_fault_has_made_wrong_is_never_given_out() {
    let good = pkcs1_of(&draw(2048));
    for (what, der) in [
        ("dP", altered(&good, |key, number| key.exponent1 = number, 64)),
        ("dQ", altered(&good, |key, number| key.exponent2 = number, 64)),
    ] {
        let key = PrivateKey::from_pkcs1(&der, &silently).unwrap();
        assert_eq!(rs256(&key, b"a message"), Err(WrongSignature), "{what}");
    }
}

/// Returns `der` with one byte of one number changed: byte `index` of the number that `replace` sets.
fn altered(
    der: &[u8],
    replace: impl for<'k> Fn(&mut RsaPrivateKeyRef<'k>, UintRef<'k>),
    index: usize,
) -> Vec<u8> {
    let key = RsaPrivateKeyRef::from_der(der).unwrap();
    // Find the number that `replace` replaces: it is shorter afterwards.
    let numbers = |key: &RsaPrivateKeyRef<'_>| {
        [
            key.modulus,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ]
        .map(|number| number.as_bytes().to_vec())
    };
    let mut probe = key.clone();
    replace(&mut probe, UintRef::new(&[1]).unwrap());
    let changed = numbers(&key)
        .into_iter()
        .zip(numbers(&probe))
        .find(|(a, b)| a != b);
    let mut number = changed.unwrap().0;
    number[index] ^= 0x10;
    let mut altered = key.clone();
    replace(&mut altered, UintRef::new(&number).unwrap());
    altered.to_der().unwrap()
}

#[test]
fn the_work_is_announced_in_small_parts_that_do_not_depend_on_the_message() {
    for (bits, largest) in [(2048, 50_000), (4096, 70_000)] {
        let key = PrivateKey::from_pkcs1(&pkcs1_of(&draw(bits)), &silently).unwrap();
        let parts_for = |message: &[u8]| {
            let parts = RefCell::new(Vec::new());
            let announce = |steps| parts.borrow_mut().push(steps);
            key.sign(Scheme::Pkcs1, Hash::Sha256, message, &announce).unwrap();
            parts.into_inner()
        };
        let parts = parts_for(b"a message");
        assert!(
            parts.iter().all(|part| *part <= largest),
            "{bits} bits: {parts:?}"
        );
        assert_eq!(parts.len(), 2 * (1 + 2 * bits / 16) + 1);
        assert_eq!(parts, parts_for(b"another one, which is longer"));
    }
}

#[test]
fn nothing_of_a_key_is_in_its_debug_output() {
    let key = PrivateKey::from_pkcs1(&pkcs1_of(&draw(2048)), &silently).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey { bits: 2048, .. }");
}
