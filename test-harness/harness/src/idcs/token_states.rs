//! Opaque tokens, and tokens that were revoked.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::hex;

/// The tokens whose state cannot be read from the token itself.
#[derive(Default)]
pub(super) struct TokenStates {
    /// What introspection says about each opaque token.
    opaque: HashMap<String, Map<String, Value>>,
    revoked: HashSet<String>,
}

impl TokenStates {
    /// Issues an opaque token. Introspection says this about it while it is active. The token starts as those of IDCS do.
    pub(super) fn issue(&mut self, said: Map<String, Value>) -> String {
        let token = format!("AQ{}", hex::random());
        self.opaque.insert(token.clone(), said);
        token
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }

    pub(super) fn is_revoked(&self, token: &str) -> bool {
        self.revoked.contains(token)
    }

    /// What introspection says about this opaque token, active or not.
    pub(super) fn of_opaque(&self, token: &str) -> Option<Map<String, Value>> {
        self.opaque.get(token).cloned()
    }
}
