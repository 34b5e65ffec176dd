//! A TLS configuration that is built when it is first needed.

use std::cell::OnceCell;
use std::sync::Arc;

use middleware::{ConfigError, Host};

use crate::tls::options::TlsOptions;

/// The TLS configuration of one option block. Most instances never connect to a server, so it is built on demand.
pub struct Tls {
    options: TlsOptions,
    block: &'static str,
    protocols: &'static [&'static [u8]],
    config: OnceCell<Arc<rustls::ClientConfig>>,
}

impl Tls {
    /// Uses the options of `block`, a name such as `clientConfig.tls` that errors begin with. Offers `protocols` (ALPN)
    /// to the server.
    ///
    /// # Errors
    /// A certificate or key that cannot be used. It is reported now, and not when the first connection is needed.
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

    /// The configuration for rustls. Do not call this while holding the right to use sockets: certificates may be in
    /// files, and reading a file takes the same right.
    ///
    /// # Errors
    /// A certificate or key that can no longer be used.
    pub fn config(&self, host: &dyn Host) -> Result<Arc<rustls::ClientConfig>, ConfigError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = self.options.build(self.block, host)?;
        config.alpn_protocols = self.protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}
