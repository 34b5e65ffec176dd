//! ES256 signatures and keys. Our verdict is that of the crate `p256`, for anything that a key or a signature may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256_verify::PublicKey;

fuzz_target!(|bytes: &[u8]| {
    let Some((&[choice, ref secret @ ..], rest)) = bytes.split_first_chunk::<33>() else {
        return;
    };
    let Some((mask, message)) = rest.split_first_chunk::<64>() else {
        return;
    };
    read(message);
    let Ok(signing) = SigningKey::from_slice(secret) else {
        return;
    };
    let theirs = signing.verifying_key();
    let point = theirs.to_sec1_point(choice & 1 == 1);
    let ours = PublicKey::from_sec1(point.as_bytes()).expect("p256 made the key");

    // A genuine signature with some bits changed, or anything at all.
    let mut signature: [u8; 64] = *mask;
    if choice & 2 == 2 {
        let genuine: Signature = signing.sign(message);
        let genuine: [u8; 64] = genuine.to_bytes().into();
        assert!(ours.verifies(message, &genuine, &|_| ()));
        signature
            .iter_mut()
            .zip(genuine)
            .for_each(|(byte, genuine)| *byte ^= genuine);
    }
    let expected = |signature| theirs.verify(message, &signature).is_ok();
    assert_eq!(
        ours.verifies(message, &signature, &|_| ()),
        Signature::from_slice(&signature).is_ok_and(expected)
    );
});

/// Reads any bytes as a key.
fn read(bytes: &[u8]) {
    // `p256` also takes a form of its own, which begins with a 5.
    if bytes.first() == Some(&5) {
        assert!(PublicKey::from_sec1(bytes).is_err());
        return;
    }
    let theirs = VerifyingKey::from_sec1_bytes(bytes).ok();
    let expected = theirs.map(|key| key.to_sec1_point(false).as_bytes()[1..].to_vec());
    let ours = PublicKey::from_sec1(bytes).ok();
    assert_eq!(ours.map(|key| key.coordinates().to_vec()), expected);
}
