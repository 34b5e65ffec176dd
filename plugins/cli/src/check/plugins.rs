//! Our plugins, and the names under which Traefik knows them.

use std::collections::BTreeMap;

use basic_credentials_plugin::BasicCredentials;
use gateway_plugin::Gateway;
use jwt_plugin::JwtPlugin;
use middleware::Middleware;
use oauth_client_credentials_plugin::OAuthClientCredentials;
use oauth_introspection_plugin::OAuthIntrospection;
use oauth_token_exchange_plugin::OAuthTokenExchange;
use path_rewrite_plugin::PathRewrite;

use super::document::Node;
use super::files::{Document, Source};

/// One of our plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plugin {
    Jwt,
    OAuthClientCredentials,
    OAuthIntrospection,
    BasicCredentials,
    OAuthTokenExchange,
    PathRewrite,
    Gateway,
}

impl Plugin {
    pub(super) const ALL: [Self; 7] = [
        Self::Jwt,
        Self::OAuthClientCredentials,
        Self::OAuthIntrospection,
        Self::BasicCredentials,
        Self::OAuthTokenExchange,
        Self::PathRewrite,
        Self::Gateway,
    ];

    /// Returns its usual name in Traefik's configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jwt => JwtPlugin::NAME,
            Self::OAuthClientCredentials => OAuthClientCredentials::NAME,
            Self::OAuthIntrospection => OAuthIntrospection::NAME,
            Self::BasicCredentials => BasicCredentials::NAME,
            Self::OAuthTokenExchange => OAuthTokenExchange::NAME,
            Self::PathRewrite => PathRewrite::NAME,
            Self::Gateway => Gateway::NAME,
        }
    }

    /// Returns its folder, the last part of its module name.
    fn folder(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::OAuthClientCredentials => "oauth-client-credentials",
            Self::OAuthIntrospection => "oauth-introspection",
            Self::BasicCredentials => "basic-credentials",
            Self::OAuthTokenExchange => "oauth-token-exchange",
            Self::PathRewrite => "path-rewrite",
            Self::Gateway => "gateway",
        }
    }

    /// Returns whether it may keep keys or tokens in a state directory.
    pub(super) fn may_keep_state(self) -> bool {
        !matches!(self, Self::BasicCredentials | Self::PathRewrite)
    }

    /// Returns whether it keeps keys or tokens in a state directory with these options. Without one, it refuses them.
    pub(super) fn keeps_state(self, options: &Node) -> bool {
        match self {
            Self::Jwt => fetches_keys(options),
            Self::Gateway => {
                options.given("jwt").is_some_and(fetches_keys)
                    || options.given("oAuthClientCredentials").is_some()
            }
            _ => self.may_keep_state(),
        }
    }

    /// Returns the plugin in a module. For a local module, the last part of the name decides.
    pub(super) fn of_module(module: &str) -> Option<Self> {
        const CATALOGUE: &str = "github.com/oic-gateway/oic-gateway";
        if module == CATALOGUE {
            return Some(Self::Gateway);
        }
        let folder = module.strip_prefix("oic-gateway/")?;
        Self::ALL.into_iter().find(|plugin| plugin.folder() == folder)
    }
}

/// Returns whether `jwt` fetches its keys. Keys in the options or in a file need no state.
fn fetches_keys(jwt: &Node) -> bool {
    let fixed = ["jwksFile", "publicKey", "signingSecret"];
    !fixed.iter().any(|option| jwt.given(option).is_some())
}

/// The names under which plugins are registered, as far as the files say.
#[derive(Debug, Default)]
pub(super) struct Plugins {
    /// Modules by plugin name.
    registered: BTreeMap<String, String>,
    /// Whether a static configuration registers plugins.
    pub(super) is_complete: bool,
}

impl Plugins {
    pub(super) fn of(documents: &[Document]) -> Self {
        let mut plugins = Self::default();
        for document in documents.iter().filter(|it| it.source == Source::Static) {
            for (name, _, plugin) in registrations(&document.node) {
                plugins.is_complete = true;
                let module = plugin.text_of("moduleName").unwrap_or_default();
                plugins.registered.insert(name.to_owned(), module.to_owned());
            }
        }
        plugins
    }

    /// Returns our plugin with this name. If no module is registered under it, the usual names apply.
    pub(super) fn ours(&self, name: &str) -> Option<Plugin> {
        match self.registered.get(name) {
            Some(module) => Plugin::of_module(module),
            None => Plugin::ALL.into_iter().find(|plugin| plugin.name() == name),
        }
    }

    /// Returns the module that is registered under this name.
    pub(super) fn module(&self, name: &str) -> Option<&str> {
        self.registered.get(name).map(String::as_str)
    }
}

/// Returns the plugins that a static configuration registers.
pub(super) fn registrations(node: &Node) -> impl Iterator<Item = (&str, super::place::Place, &Node)> {
    ["plugins", "localPlugins"]
        .into_iter()
        .flat_map(|section| node.members_at(&["experimental", section]))
}
