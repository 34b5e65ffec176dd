//! The encoded messages that signatures represent (RFC 8017 §9).

use crate::Hash;

/// EMSA-PKCS1-v1_5 (§9.2): `length` bytes, or `None` if the hash does not fit.
#[must_use]
pub fn pkcs1(hash: Hash, message: &[u8], length: usize) -> Option<Vec<u8>> {
    let digest = hash.digest(&[message]);
    let prefix = hash.digest_info();
    let padding = length.checked_sub(3 + prefix.len() + digest.len())?;
    if padding < 8 {
        return None;
    }
    let mut encoded = Vec::with_capacity(length);
    encoded.extend_from_slice(&[0, 1]);
    encoded.resize(2 + padding, 0xff);
    encoded.push(0);
    encoded.extend_from_slice(prefix);
    encoded.extend_from_slice(&digest);
    Some(encoded)
}

/// EMSA-PSS-ENCODE (§9.1.1) with MGF1 (§B.2.1) of the same hash, for a modulus of `bits` bits. `salt` must be random and as
/// long as the hash. The result has as many bytes as the modulus, or is `None` if hash and salt do not fit.
#[must_use]
pub fn pss(hash: Hash, message: &[u8], salt: &[u8], bits: usize) -> Option<Vec<u8>> {
    let most = bits.checked_sub(1)?;
    let digest = hash.digest(&[message]);
    let h = hash.digest(&[&[0; 8], &digest, salt]);
    let length = most.div_ceil(8);
    let zeros = length.checked_sub(digest.len() + salt.len() + 2)?;
    let mut block = vec![0; zeros];
    block.push(1);
    block.extend_from_slice(salt);
    unmask(hash, &h, &mut block);
    if let Some(highest) = block.first_mut() {
        *highest &= 0xff >> unused_bits(most);
    }
    // If the modulus has 8k + 1 bits, the encoded message is one byte shorter than the modulus.
    let mut encoded = vec![0; bits.div_ceil(8).saturating_sub(length)];
    encoded.append(&mut block);
    encoded.extend_from_slice(&h);
    encoded.push(TRAILER);
    Some(encoded)
}

/// The last byte of an EMSA-PSS message.
const TRAILER: u8 = 0xbc;

/// Returns the number of unused bits in the highest byte of a number of `bits` bits.
const fn unused_bits(bits: usize) -> usize {
    (8 - bits % 8) % 8
}

/// EMSA-PSS-VERIFY (§9.1.2) with MGF1 (§B.2.1) of the same hash and a salt as long as the hash. `encoded` is the number
/// that the signature represents, as long as the modulus; `bits` is one less than the bits of the modulus.
pub(crate) fn is_pss(hash: Hash, message: &[u8], encoded: &[u8], bits: usize) -> bool {
    let digest = hash.digest(&[message]);
    let length = digest.len();

    // If the modulus has 8k + 1 bits, the encoded message is one byte shorter than the modulus.
    let Some((surplus, encoded)) = encoded.split_at_checked(encoded.len().saturating_sub(bits.div_ceil(8)))
    else {
        return false;
    };
    let Some((&TRAILER, rest)) = encoded.split_last() else {
        return false;
    };
    let Some((masked, h)) = rest
        .len()
        .checked_sub(length)
        .and_then(|at| rest.split_at_checked(at))
    else {
        return false;
    };
    let unused = unused_bits(bits);
    let highest = masked.first().copied().unwrap_or(0);
    if surplus.iter().any(|&byte| byte != 0) || highest.leading_zeros() < unused as u32 {
        return false;
    }

    let mut block = masked.to_vec();
    unmask(hash, h, &mut block);
    if let Some(highest) = block.first_mut() {
        *highest &= 0xff >> unused;
    }
    let Some((padding, salt)) = block
        .len()
        .checked_sub(length)
        .and_then(|at| block.split_at_checked(at))
    else {
        return false;
    };
    let Some((&1, zeros)) = padding.split_last() else {
        return false;
    };
    zeros.iter().all(|&byte| byte == 0) && hash.digest(&[&[0; 8], &digest, salt]) == h
}

/// `block` ← `block` ⊕ MGF1(`seed`).
fn unmask(hash: Hash, seed: &[u8], block: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(block.chunks_mut(hash.length())) {
        let mask = hash.digest(&[seed, &counter.to_be_bytes()]);
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_pkcs1_is_that_of_the_standard() {
        let encoded = pkcs1(Hash::Sha256, b"abc", 62).unwrap();
        let digest = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(encoded[..11], [0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 0]);
        assert_eq!(encoded[11..30], *Hash::Sha256.digest_info());
        assert_eq!(encoded[30..], digest);
    }

    #[test]
    fn eight_bytes_of_padding_are_the_least() {
        assert!(pkcs1(Hash::Sha512, b"abc", 94).is_some());
        assert_eq!(pkcs1(Hash::Sha512, b"abc", 93), None);
        assert_eq!(pkcs1(Hash::Sha512, b"abc", 3), None);
    }

    #[test]
    fn what_pss_encodes_is_taken_for_pss_whatever_the_size_of_the_modulus() {
        for bits in [2048, 2049, 2050, 2055, 3072, 4096] {
            for (hash, salt) in [
                (Hash::Sha256, &[7; 32][..]),
                (Hash::Sha384, &[7; 48]),
                (Hash::Sha512, &[7; 64]),
            ] {
                let encoded = pss(hash, b"abc", salt, bits).unwrap();
                assert_eq!(encoded.len(), bits.div_ceil(8));
                assert!(is_pss(hash, b"abc", &encoded, bits - 1), "{bits} bits, {hash:?}");
                assert!(!is_pss(hash, b"abd", &encoded, bits - 1), "{bits} bits, {hash:?}");
                assert!(
                    !is_pss(
                        hash,
                        b"abc",
                        &pss(hash, b"abc", &salt[1..], bits).unwrap(),
                        bits - 1
                    ),
                    "a shorter salt, {bits} bits, {hash:?}"
                );
            }
        }
        assert_eq!(pss(Hash::Sha256, b"abc", &[7; 32], 33 * 8), None);
    }

    #[test]
    fn nothing_short_or_empty_is_taken_for_pss() {
        for encoded in [&[][..], &[0xbc], &[0; 33], &[0xbc; 33], &[0xbc; 34], &[0xff; 256]] {
            for bits in [0, 1, 8, 2047] {
                assert!(
                    !is_pss(Hash::Sha256, b"abc", encoded, bits),
                    "{} bytes, {bits} bits",
                    encoded.len()
                );
            }
        }
    }
}
