//! Hexadecimal text: encoding, hashes, and random or stable identifiers.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Encodes bytes as two lowercase digits each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the SHA-256 of these bytes.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(digest(&SHA256, bytes.as_ref()).as_ref())
}

/// Returns 32 random digits.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has entropy");
    hex(&bytes)
}

/// Returns 32 digits that depend only on `seed`, so that they are the same in every run.
pub(crate) fn stable(seed: &str) -> String {
    sha256(seed).chars().take(32).collect()
}
