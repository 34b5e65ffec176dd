//! Opaque tokens and revoked tokens.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::hex;

/// Tokens whose state is not visible in the token itself.
#[derive(Default)]
pub(super) struct TokenStates {
    /// The introspection answer for each opaque token.
    opaque: HashMap<String, Map<String, Value>>,
    revoked: HashSet<String>,
}

impl TokenStates {
    /// Issues an opaque token. While it is active, introspection answers with `said`. The token begins like an opaque
    /// token of IDCS.
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

    /// Returns the introspection answer for this opaque token, even if it is not active.
    pub(super) fn of_opaque(&self, token: &str) -> Option<Map<String, Value>> {
        self.opaque.get(token).cloned()
    }
}
