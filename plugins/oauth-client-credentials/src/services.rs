//! The machine, the network, and the store, which all modes use.

use std::rc::Rc;

use egress::{HttpClient, Platform};
use middleware::ConfigError;
use shared_state::{Shared, Store};

use crate::token::Token;

/// The services that all modes use.
pub(crate) struct Services {
    pub(crate) platform: Rc<dyn Platform>,
    pub(crate) client: Rc<HttpClient>,
    pub(crate) store: Option<Rc<Store>>,
}

impl Services {
    /// Shares `token` with other instances and, if there is a store, with other machines.
    pub(crate) fn share(self, token: Token) -> Result<Shared<Token>, ConfigError> {
        let shared = Shared::new(token, self.platform, self.client);
        match self.store {
            None => Ok(shared),
            Some(store) => shared
                .with_store(store)
                .map_err(|error| ConfigError::new("store", error.to_string())),
        }
    }
}
