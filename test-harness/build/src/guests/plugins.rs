//! The list of plugins.

use std::path::PathBuf;

use super::layout::{MANIFEST, MODULE_PREFIX};
use crate::tools::workspace_root;

/// A plugin of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its name in Traefik's configuration: `experimental.localPlugins.<name>`, `middlewares.x.plugin.<name>`.
    pub name: &'static str,
    /// Its folder below `plugins/`, which is also its crate's name.
    pub folder: &'static str,
    /// The most bytes that its module may have, without the names of functions. At each start and reload, Traefik
    /// validates every module twice for each router, and its data and stack take memory for every request in flight.
    ///
    /// One percent above the size when the budget was set. If a change needs more, look for what grew first.
    pub budget: usize,
}

impl Guest {
    /// Decides which user name and password the backend sees.
    pub const BASIC_CREDENTIALS: Self = Self::new("basicCredentials", "basic-credentials", 161_500);
    /// `jwt`, `oAuthClientCredentials` and `pathRewrite` in one.
    pub const GATEWAY: Self = Self::new("gateway", "gateway", 1_494_700);
    /// Validates access tokens.
    pub const JWT: Self = Self::new("jwt", "jwt", 1_286_000);
    /// Replaces the caller's token with the gateway's own.
    pub const OAUTH_CLIENT_CREDENTIALS: Self =
        Self::new("oAuthClientCredentials", "oauth-client-credentials", 1_105_600);
    /// Asks the identity provider about tokens.
    pub const OAUTH_INTROSPECTION: Self = Self::new("oAuthIntrospection", "oauth-introspection", 1_025_500);
    /// Exchanges the caller's token for a token of the same user at another provider.
    pub const OAUTH_TOKEN_EXCHANGE: Self = Self::new("oAuthTokenExchange", "oauth-token-exchange", 1_378_300);
    /// Rewrites paths with regular expressions.
    pub const PATH_REWRITE: Self = Self::new("pathRewrite", "path-rewrite", 218_000);

    /// All plugins. Build, release, CI and tests follow this list.
    pub const ALL: [Self; 7] = [
        Self::BASIC_CREDENTIALS,
        Self::GATEWAY,
        Self::JWT,
        Self::OAUTH_CLIENT_CREDENTIALS,
        Self::OAUTH_INTROSPECTION,
        Self::OAUTH_TOKEN_EXCHANGE,
        Self::PATH_REWRITE,
    ];

    /// The three plugins of the usual chain, and the plugin that combines them. Tests make them trap.
    pub const MAIN: [Self; 4] = [
        Self::GATEWAY,
        Self::JWT,
        Self::OAUTH_CLIENT_CREDENTIALS,
        Self::PATH_REWRITE,
    ];

    const fn new(name: &'static str, folder: &'static str, budget: usize) -> Self {
        Self { name, folder, budget }
    }

    /// The plugin in this folder below `plugins/`.
    pub fn in_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guest| guest.folder == folder)
    }

    /// The module name, by which Traefik finds the plugin: `oic-gateway/<folder>`.
    pub fn module_name(&self) -> String {
        format!("{MODULE_PREFIX}/{}", self.folder)
    }

    /// The plugin with this module name.
    pub fn of_module(module_name: &str) -> Option<Self> {
        let folder = module_name.strip_prefix(MODULE_PREFIX)?.strip_prefix('/')?;
        Self::in_folder(folder)
    }

    /// The binary that cargo builds.
    pub(super) fn bin(&self) -> String {
        format!("plugin-{}", self.folder)
    }

    /// Its manifest.
    pub(super) fn manifest(&self) -> PathBuf {
        workspace_root().join("plugins").join(self.folder).join(MANIFEST)
    }
}
