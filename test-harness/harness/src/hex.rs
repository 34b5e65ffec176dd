//! Hexadecimal text: of bytes, of random identifiers, of identifiers that are the same in every run.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Two lower-case digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of these bytes.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(digest(&SHA256, bytes.as_ref()).as_ref())
}

/// 32 digits that do not repeat.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has entropy");
    hex(&bytes)
}

/// 32 digits that are the same in every run.
pub(crate) fn stable(seed: &str) -> String {
    sha256(seed).chars().take(32).collect()
}
