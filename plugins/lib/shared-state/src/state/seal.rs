//! Seals: how values are protected in the state directory.
//!
//! Others who can read the directory must not learn a token. A value of another resource, another tenant or another
//! configuration must not be accepted. So a [`Seal`] is bound to the identity of the resource, and to the
//! configuration's secret if there is one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use middleware::{Host, Secret};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{digest, hkdf};

use super::name::StateName;

/// How a resource's values are protected.
pub struct Seal(Kind);

enum Kind {
    /// Readable by anyone, and bound to the identity. For public keys and similar values.
    Public { binding: [u8; 32] },
    /// ChaCha20-Poly1305 (RFC 8439) with a key derived from the configuration's secret. AES would take ten times as
    /// long, because Wasm does not have its processor instructions.
    Secret {
        key: Box<LessSafeKey>,
        identity: Vec<u8>,
        fingerprint: [u8; 16],
    },
}

impl Seal {
    /// For values that are not secret. They are readable in the directory, and anyone who can write there can replace
    /// them. So the directory must belong to Traefik's user alone.
    pub fn public(identity: &[&str]) -> Self {
        let mut binding = [0; 32];
        binding.copy_from_slice(digest::digest(&digest::SHA256, &join(identity)).as_ref());
        Self(Kind::Public { binding })
    }

    /// For secrets. They are encrypted and authenticated with a key that only a configuration with the same `secret`
    /// and the same identity can derive (HKDF-SHA256, RFC 5869).
    ///
    /// # Errors
    /// None in practice, but the interface of the cryptographic library allows for one.
    pub fn secret(secret: &Secret, identity: &[&str]) -> Result<Self, SealError> {
        let identity = join(identity);
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"oic-gateway state v2");
        let root = salt.extract(secret.expose().as_bytes());
        let info = [identity.as_slice()];
        let material = root
            .expand(&info, &aead::CHACHA20_POLY1305)
            .map_err(|_| SealError)?;
        let key = Box::new(LessSafeKey::new(UnboundKey::from(material)));
        // The fingerprint is derived separately, so it reveals nothing about the key itself.
        let mut fingerprint = [0; 16];
        root.expand(&[b"name"], Length(16))
            .and_then(|okm| okm.fill(&mut fingerprint))
            .map_err(|_| SealError)?;
        Ok(Self(Kind::Secret {
            key,
            identity,
            fingerprint,
        }))
    }

    /// Whether both seals are for the same resource. Their secrets may differ.
    pub(crate) fn has_identity_of(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Public { binding }, Kind::Public { binding: other }) => binding == other,
            (Kind::Secret { identity, .. }, Kind::Secret { identity: other, .. }) => identity == other,
            _ => false,
        }
    }

    /// The name of the resource of this `kind` with this seal. With a secret seal, the name also depends on the secret,
    /// so two configurations that differ in the secret alone do not overwrite each other's values.
    pub fn name(&self, kind: &str, identity: &[&str]) -> StateName {
        match &self.0 {
            Kind::Public { .. } => StateName::new(kind, identity),
            Kind::Secret { fingerprint, .. } => {
                let mut parts = identity.to_vec();
                let fingerprint = BASE64.encode(fingerprint);
                parts.push(&fingerprint);
                StateName::new(kind, &parts)
            }
        }
    }

    /// The name of one caller's resource of this `kind` with this seal: one of a bounded number of names that all
    /// callers of the configuration `group` share. The identity of the seal must contain the caller.
    pub fn slot(&self, kind: &str, group: &[&str]) -> StateName {
        let owner = match &self.0 {
            Kind::Public { binding } => {
                let mut owner = [0; 16];
                owner.copy_from_slice(binding.split_at(16).0);
                owner
            }
            // The fingerprint depends on the secret alone, and two callers may have the same secret.
            Kind::Secret {
                fingerprint,
                identity,
                ..
            } => {
                let mut context = digest::Context::new(&digest::SHA256);
                context.update(fingerprint);
                context.update(identity);
                let mut owner = [0; 16];
                owner.copy_from_slice(context.finish().as_ref().split_at(16).0);
                owner
            }
        };
        StateName::slot(kind, group, &owner)
    }

    /// A seal for the same resource with another secret: that of a store, which several machines share. `role`
    /// distinguishes the things that are stored of one resource: a failure must not be taken for a value.
    ///
    /// # Errors
    /// None in practice, but the interface of the cryptographic library allows for one.
    pub(crate) fn for_store(&self, secret: &Secret, name: &StateName, role: &str) -> Result<Self, SealError> {
        let (identity, fingerprint) = match &self.0 {
            Kind::Public { binding } => (binding.as_slice(), [0; 16]),
            Kind::Secret {
                identity,
                fingerprint,
                ..
            } => (identity.as_slice(), *fingerprint),
        };
        let (identity, fingerprint) = (BASE64.encode(identity), BASE64.encode(fingerprint));
        Self::secret(secret, &["store", name.as_str(), role, &identity, &fingerprint])
    }

    /// Seals `plain`. The result is ASCII text.
    ///
    /// # Errors
    /// None in practice, but the interface of the cryptographic library allows for one.
    pub(crate) fn close(&self, plain: &[u8], host: &dyn Host) -> Result<String, SealError> {
        match &self.0 {
            Kind::Public { binding } => Ok(format!("p.{}.{}", BASE64.encode(binding), BASE64.encode(plain))),
            Kind::Secret { key, identity, .. } => {
                // The nonce has 96 random bits. One key seals a few thousand values, so no two nonces are equal.
                let mut nonce = [0; aead::NONCE_LEN];
                host.fill_random(&mut nonce);
                let mut text = plain.to_vec();
                key.seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(identity),
                    &mut text,
                )
                .map_err(|_| SealError)?;
                Ok(format!("s.{}.{}", BASE64.encode(nonce), BASE64.encode(text)))
            }
        }
    }

    /// Returns what [`Seal::close`] sealed, or `None` if the text has another seal or was tampered with.
    pub(crate) fn open(&self, text: &str) -> Option<Vec<u8>> {
        let mut fields = text.split('.');
        let (kind, head, body) = (
            fields.next()?,
            BASE64.decode(fields.next()?).ok()?,
            fields.next()?,
        );
        let mut body = BASE64.decode(body).ok()?;
        match (&self.0, kind) {
            (Kind::Public { binding }, "p") => (head == binding).then_some(body),
            (Kind::Secret { key, identity, .. }, "s") => {
                let nonce = Nonce::try_assume_unique_for_key(&head).ok()?;
                let length = key
                    .open_in_place(nonce, Aad::from(identity), &mut body)
                    .ok()?
                    .len();
                body.truncate(length);
                Some(body)
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Public { .. } => "Seal(public)",
            Kind::Secret { .. } => "Seal(secret)",
        })
    }
}

/// An output length for HKDF.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The cryptographic library failed to seal a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state cannot be sealed")]
pub struct SealError;

fn join(identity: &[&str]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in identity {
        joined.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use egress::platform::Native;

    fn host() -> Native {
        Native::new("/nonexistent", |_| {})
    }

    fn sealed_by(secret: &str, identity: &[&str]) -> Seal {
        Seal::secret(&Secret::new(secret), identity).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_and_does_not_show() {
        let plain = b"eyJhbGciOi.the-token.value";
        for seal in [
            sealed_by("hunter2", &["https://idcs", "app"]),
            Seal::public(&["https://idcs"]),
        ] {
            let text = seal.close(plain, &host()).unwrap();
            assert!(text.is_ascii() && !text.contains("the-token"), "{text}");
            assert_eq!(seal.open(&text).unwrap(), plain);
        }
    }

    #[test]
    fn names_depend_on_the_secret_where_there_is_one() {
        let identity = ["https://idcs", "app"];
        let name = |secret: &str| sealed_by(secret, &identity).name("token", &identity);
        assert_eq!(name("hunter2"), name("hunter2"));
        assert_ne!(name("hunter2"), name("hunter3"));
        assert_eq!(
            Seal::public(&identity).name("jwks", &identity),
            StateName::new("jwks", &identity)
        );
    }

    #[test]
    fn callers_share_a_bounded_number_of_names_and_are_told_apart() {
        let group = ["https://idcs", "app"];
        let names: Vec<StateName> = (0..10_000)
            .map(|caller: u32| Seal::public(&[group[0], group[1], &caller.to_string()]).slot("token", &group))
            .collect();
        let mut stems: Vec<&str> = names.iter().map(StateName::as_str).collect();
        let mut owners: Vec<Option<&str>> = names.iter().map(StateName::owner).collect();
        stems.sort_unstable();
        stems.dedup();
        owners.sort_unstable();
        owners.dedup();
        assert!((3000..=4096).contains(&stems.len()), "{}", stems.len());
        assert_eq!(owners.len(), 10_000);
        let secret = sealed_by("hunter2", &["https://idcs", "app", "jane"]);
        assert_eq!(secret.slot("token", &group), secret.slot("token", &group));
        let namesake = sealed_by("hunter2", &["https://idcs", "app", "joe"]);
        assert_ne!(
            secret.slot("token", &group).owner(),
            namesake.slot("token", &group).owner()
        );
        assert_ne!(
            secret.slot("token", &group),
            secret.slot("token", &["https://idcs", "other"])
        );
    }

    #[test]
    fn every_seal_has_its_own_nonce() {
        let seal = sealed_by("hunter2", &["x"]);
        assert_ne!(
            seal.close(b"same", &host()).unwrap(),
            seal.close(b"same", &host()).unwrap()
        );
    }

    #[test]
    fn nothing_foreign_opens() {
        let ours = sealed_by("hunter2", &["https://idcs", "app"]);
        let text = ours.close(b"token", &host()).unwrap();
        for other in [
            sealed_by("hunter3", &["https://idcs", "app"]),
            sealed_by("hunter2", &["https://idcs", "other"]),
            sealed_by("hunter2", &["https://idc", "sapp"]),
            Seal::public(&["https://idcs", "app"]),
        ] {
            assert_eq!(other.open(&text), None, "{other:?}");
        }
        let public = Seal::public(&["https://idcs-a/"])
            .close(b"keys", &host())
            .unwrap();
        assert_eq!(Seal::public(&["https://idcs-b/"]).open(&public), None);
        for garbage in ["", "s", "s..", "s.AAAA.AAAA", "p.AAAA.AAAA", "x.y.z", "🦀.🦀.🦀"] {
            assert_eq!(ours.open(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_stores_seal_is_bound_to_resource_role_and_both_secrets() {
        let store = Secret::new("0123456789abcdef");
        let stored = |seal: &Seal, name: &str, role: &str, store: &Secret| {
            seal.for_store(store, &StateName::new(name, &[]), role).unwrap()
        };
        let ours = sealed_by("hunter2", &["https://idcs", "app"]);
        let sealed = stored(&ours, "token", "", &store);
        let text = sealed.close(b"token", &host()).unwrap();
        assert_eq!(stored(&ours, "token", "", &store).open(&text).unwrap(), b"token");
        let user = sealed_by("hunter2", &["https://idcs", "app", "user"]);
        for other in [
            stored(
                &sealed_by("hunter3", &["https://idcs", "app"]),
                "token",
                "",
                &store,
            ),
            stored(&user, "token", "", &store),
            stored(&ours, "user", "", &store),
            stored(&ours, "token", ".fail", &store),
            stored(&ours, "token", "", &Secret::new("0123456789abcdeg")),
            stored(&Seal::public(&["https://idcs", "app"]), "token", "", &store),
            sealed_by("0123456789abcdef", &["https://idcs", "app"]),
            ours,
        ] {
            assert_eq!(other.open(&text), None, "{other:?}");
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let seal = sealed_by("hunter2", &["x"]);
        let text = seal.close(b"token", &host()).unwrap();
        for index in 2..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            if changed != text {
                assert_eq!(seal.open(&changed), None, "byte {index}");
            }
        }
    }
}
