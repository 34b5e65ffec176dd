//! The names of resources in the state directory.

use std::fmt::Write;

use ring::digest;

/// The name of a resource in the state directory, such as `jwks-3f2a…`. The names of all its entries begin with it.
///
/// It is derived from everything that makes two resources different, so no configuration reads the value of another one
/// by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateName {
    stem: String,
    owner: Option<String>,
}

/// The number of names that the resources of many callers share. The state directory never has more of them.
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

    /// One of the names that all resources of `kind` and `group` share. It depends on `owner`, which also identifies
    /// the owner of a record under that name. The owner of a value is identified by its seal.
    pub(super) fn slot(kind: &str, group: &[&str], owner: &[u8; 16]) -> Self {
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

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.stem
    }

    /// The owner of the resource, if several resources share the name.
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
