//! How tokens and other credentials are recognised that were seen before.

use middleware::Host;
use siphasher::sip128::SipHasher13;

/// SipHash-1-3 of a token as it was sent, with 128 bits, under a random key that only one instance has.
///
/// A caller who finds a text with the digest of somebody's token would be taken for that somebody. SipHash is a
/// pseudorandom function: without the key nobody can search for such a text, and no answer says anything about digests.
/// What is left is to send texts and hope: each hits one of 7,000 tokens with a chance of 1 in 2^115. Two texts that
/// differ in a chosen way would have to collide in the inner state; the best known way succeeds once in 2^167 for one
/// round per word (Dobraunig, Mendel and Schläffer, *Differential Cryptanalysis of SipHash*, 2014), so the second round
/// of SipHash-2-4 would add time and no safety. A hash without a key, such as BLAKE3, takes several times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(u64, u64);

/// Makes the digests of one instance.
#[derive(Debug)]
pub struct TokenHasher(SipHasher13);

impl TokenHasher {
    /// Takes a key from `host`.
    pub fn new(host: &dyn Host) -> Self {
        let mut key = [0; 16];
        host.fill_random(&mut key);
        Self(SipHasher13::new_with_key(&key))
    }

    /// The digest of `token`.
    pub fn digest(&self, token: &[u8]) -> TokenDigest {
        let digest = self.0.hash(token);
        TokenDigest(digest.h1, digest.h2)
    }
}

impl TokenDigest {
    /// The digest as the key of a caller in the memory of an instance.
    pub fn caller_key(self) -> [u8; 32] {
        let mut key = [0; 32];
        let digest = (u128::from(self.1) << 64) | u128::from(self.0);
        if let Some((start, _)) = key.split_first_chunk_mut() {
            *start = digest.to_le_bytes();
        }
        key
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

    /// SipHash as its authors define it, with `rounds` rounds per word and `last` rounds at the end.
    fn sip_hash(rounds: usize, last: usize, key: &[u8; 16], text: &[u8]) -> [u64; 2] {
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
        let (k0, k1) = (word(&key[..8]), word(&key[8..]));
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let half_round = |v: &mut [u64; 4], a: usize, b: usize, left: u32| {
            v[a] = v[a].wrapping_add(v[b]);
            v[b] = v[b].rotate_left(left) ^ v[a];
        };
        let mix = |v: &mut [u64; 4], rounds: usize| {
            for _ in 0..rounds {
                half_round(v, 0, 1, 13);
                half_round(v, 2, 3, 16);
                v[0] = v[0].rotate_left(32);
                half_round(v, 0, 3, 21);
                half_round(v, 2, 1, 17);
                v[2] = v[2].rotate_left(32);
            }
        };
        let mut padded = text.to_vec();
        padded.resize(text.len() / 8 * 8 + 7, 0);
        padded.push(u8::try_from(text.len() % 256).unwrap());
        for bytes in padded.chunks(8) {
            v[3] ^= word(bytes);
            mix(&mut v, rounds);
            v[0] ^= word(bytes);
        }
        let half = |v: &mut [u64; 4], which: usize, change: u64| {
            v[which] ^= change;
            mix(v, last);
            v[0] ^ v[1] ^ v[2] ^ v[3]
        };
        let first = half(&mut v, 2, 0xee);
        [first, half(&mut v, 1, 0xdd)]
    }

    #[test]
    fn it_is_siphash_1_3_with_128_bits() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        // The first vectors of the reference implementation, which are for SipHash-2-4.
        for (text, expected) in [
            (&[][..], "a3817f04ba25a8e66df67214c7550293"),
            (&[0], "da87c1d86b99af44347659119b22fc45"),
            (&[0, 1], "8177228da4a45dc7fca38bdef60affe4"),
        ] {
            let [first, second] = sip_hash(2, 4, &key, text).map(u64::to_le_bytes);
            let shown = [first, second]
                .concat()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            assert_eq!(shown, expected);
        }
        let hasher = TokenHasher(SipHasher13::new_with_key(&key));
        let text: Vec<u8> = (0..200).collect();
        for length in 0..text.len() {
            let [first, second] = sip_hash(1, 3, &key, &text[..length]);
            assert_eq!(
                hasher.digest(&text[..length]),
                TokenDigest(first, second),
                "{length}"
            );
        }
    }
}
