//! Random names.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use middleware::Host;

/// Twelve random characters that are valid in file names. No two calls return the same ones.
pub fn nonce(host: &dyn Host) -> String {
    let mut bytes = [0; 9];
    host.fill_random(&mut bytes);
    BASE64.encode(bytes)
}
