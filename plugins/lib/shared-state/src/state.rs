//! What instances, routers and Traefik processes share through the state directory.
//!
//! * `value`: a named value of any size, replaced and read atomically.
//! * `seal`: what makes a value useless to whoever else can read the directory.
//! * `lease`: the right to be the one that fetches.

mod lease;
mod seal;
mod value;

pub(crate) use lease::{Lease, Observer};
pub use seal::Seal;
pub(crate) use value::Values;

use std::fmt::Write;

use ring::digest;

/// The file name stem under which a resource lives in the state directory, such as `jwks-3f2a…`.
///
/// Derived from everything that makes two resources different, so that nobody reads another's by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateName {
    stem: String,
    owner: Option<String>,
}

/// How many names the resources of many callers share. The state directory never has more of them.
const SLOTS: u16 = 4096;

impl StateName {
    /// A name of the given `kind` (letters and dashes) for the resource that `identity` describes.
    pub fn new(kind: &str, identity: &[&str]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in identity {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut name = format!("{kind}-");
        for byte in context.finish().as_ref().iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            stem: name,
            owner: None,
        }
    }

    /// One of the names that all resources of `kind` and `group` share. `owner` chooses it, and tells whose a record
    /// under that name is; whose the value is, its seal tells.
    fn slot(kind: &str, group: &[&str], owner: &[u8; 16]) -> Self {
        let [high, low, ..] = *owner;
        let slot = u16::from_be_bytes([high, low]) % SLOTS;
        let Self { mut stem, .. } = Self::new(kind, group);
        let mut text = String::with_capacity(2 * owner.len());
        // Writing to a String cannot fail.
        let _ = write!(stem, "-{slot:03x}");
        for byte in owner {
            let _ = write!(text, "{byte:02x}");
        }
        Self {
            stem,
            owner: Some(text),
        }
    }

    /// The file name stem.
    pub fn as_str(&self) -> &str {
        &self.stem
    }

    /// Whose it is, where several resources share the name.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_wherever_the_identity_does() {
        let name = StateName::new("jwks", &["https://a/", "b"]);
        assert!(
            name.as_str().starts_with("jwks-") && name.as_str().len() == 5 + 32,
            "{name:?}"
        );
        for other in [
            &["https://a/b", ""][..],
            &["https://a/"],
            &["https://a/b"],
            &["b", "https://a/"],
        ] {
            assert_ne!(name, StateName::new("jwks", other));
        }
    }
}
