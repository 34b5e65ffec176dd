//! TLS as an option block wants it.

use std::cell::OnceCell;
use std::sync::Arc;

use middleware::{ConfigError, Host};

use crate::TlsOptions;

/// Built when first needed: most instances never connect to anybody.
pub struct Tls {
    options: TlsOptions,
    block: &'static str,
    protocols: &'static [&'static [u8]],
    config: OnceCell<Arc<rustls::ClientConfig>>,
}

impl Tls {
    /// For the options of `block`, whose name errors begin with; offers these `protocols` (ALPN).
    ///
    /// # Errors
    /// A certificate that cannot be read should be found now, not when the first connection is needed.
    pub fn new(
        options: TlsOptions,
        block: &'static str,
        protocols: &'static [&'static [u8]],
        host: &dyn Host,
    ) -> Result<Self, ConfigError> {
        options.check_authority(block, host)?;
        let tls = Self {
            options,
            block,
            protocols,
            config: OnceCell::new(),
        };
        if tls.options.has_identity() {
            tls.config(host)?;
        }
        Ok(tls)
    }

    /// What rustls wants. Certificates may be in files, and reading those takes the same right as using sockets: not to
    /// be called by whoever has it.
    ///
    /// # Errors
    /// See [`TlsOptions::build`].
    pub fn config(&self, host: &dyn Host) -> Result<Arc<rustls::ClientConfig>, ConfigError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = self.options.build(self.block, host)?;
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}
