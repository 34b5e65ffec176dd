//! Compares whole checks with the crate `p256`.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Signer as _};
use p256_verify::PublicKey;

/// Small and predictable, so that a failure can be repeated.
struct Draw(u64);

impl Draw {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
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

#[test]
fn first() {
    let mut draw = Draw(1);
    for _ in 0..50 {
        let key = draw.key();
        let public = PublicKey::from_sec1(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        for _ in 0..10 {
            let message = draw.bytes::<20>();
            let signature: Signature = key.sign(&message);
            let theirs: &VerifyingKey = key.verifying_key();
            assert!(theirs.verify(&message, &signature).is_ok());
            assert!(public.verifies(&message, &signature.to_bytes(), &|_| ()));
            assert!(!public.verifies(&message[1..], &signature.to_bytes(), &|_| ()));
        }
    }
}
