//! How tokens are recognised that were seen before.

use middleware::Host;
use siphasher::sip128::SipHasher24;

/// SipHash-2-4 of a token as it was sent, with 128 bits, under a random key that only one instance has.
///
/// A caller who finds a text with the digest of somebody's token would be taken for that somebody. SipHash is a
/// pseudorandom function: without the key nobody can search for such a text, and no answer says anything about digests.
/// What is left is to send texts and hope: each hits one of 7,000 tokens with a chance of 1 in 2^115. A hash without a
/// key, such as BLAKE3, would also do, but takes three times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(u64, u64);

/// Makes the digests of one instance.
#[derive(Debug)]
pub struct TokenHasher(SipHasher24);

impl TokenHasher {
    /// Takes a key from `host`.
    pub fn new(host: &dyn Host) -> Self {
        let mut key = [0; 16];
        host.fill_random(&mut key);
        Self(SipHasher24::new_with_key(&key))
    }

    /// The digest of `token`.
    pub fn digest(&self, token: &[u8]) -> TokenDigest {
        let digest = self.0.hash(token);
        TokenDigest(digest.h1, digest.h2)
    }
}

impl TokenDigest {
    /// Both halves of the digest.
    pub const fn halves(self) -> (u64, u64) {
        (self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_doubles::TestHost;

    #[test]
    fn digests_depend_on_every_byte_and_on_the_instance() {
        let host = TestHost::new();
        let [one, other] = [(); 2].map(|()| TokenHasher::new(&host));
        let token = "a".repeat(100);
        assert_eq!(one.digest(token.as_bytes()), one.digest(token.as_bytes()));
        assert_ne!(one.digest(token.as_bytes()), other.digest(token.as_bytes()));
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] ^= 1;
            assert_ne!(one.digest(&changed), one.digest(token.as_bytes()), "{place}");
        }
        assert_ne!(one.digest(b""), one.digest(b"\0"));
    }

    /// From the reference implementation: `vectors_sip128` for the key 00 01 .. 0f.
    #[test]
    fn it_is_siphash_2_4_with_128_bits() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let hasher = TokenHasher(SipHasher24::new_with_key(&key));
        let bytes = |digest: TokenDigest| [digest.0.to_le_bytes(), digest.1.to_le_bytes()].concat();
        for (input, expected) in [
            (&[][..], "a3817f04ba25a8e66df67214c7550293"),
            (&[0], "da87c1d86b99af44347659119b22fc45"),
            (&[0, 1], "8177228da4a45dc7fca38bdef60affe4"),
        ] {
            let shown: String = bytes(hasher.digest(input))
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(shown, expected);
        }
    }
}
