//! What middlewares do to a request.

use super::document::Node;
use super::model::{Definition, Kind, Model, Step};
use super::plugins::Plugin;

/// What a middleware does, as far as it matters here. Warnings say jwt for every kind of guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Role {
    /// It requires a valid token or credentials.
    pub(super) guards: bool,
    /// It adds the gateway's own token.
    pub(super) lends: bool,
    /// It changes the path.
    pub(super) rewrites: bool,
    /// It decides by the path.
    pub(super) judges_paths: bool,
}

/// Returns what the middleware of a step does. An unknown one does nothing.
pub(super) fn role_of(model: &Model<'_>, step: &Step) -> Role {
    let definition = model.middlewares.get(&step.reference.id);
    definition
        .map(|definition| role(model, definition))
        .unwrap_or_default()
}

fn role(model: &Model<'_>, definition: &Definition<'_>) -> Role {
    match &definition.kind {
        Kind::Plugin { name, options, .. } => match model.plugins.ours(name) {
            Some(plugin) => role_of_plugin(plugin, options),
            None => Role::default(),
        },
        Kind::Other(kind) => Role {
            rewrites: [
                "addPrefix",
                "stripPrefix",
                "stripPrefixRegex",
                "replacePath",
                "replacePathRegex",
            ]
            .contains(kind),
            ..Role::default()
        },
        Kind::Chain(_) | Kind::Broken(_) => Role::default(),
    }
}

fn role_of_plugin(plugin: Plugin, options: &Node) -> Role {
    let guard = Role {
        guards: true,
        ..Role::default()
    };
    match plugin {
        Plugin::Jwt => Role {
            judges_paths: options.get("authorize").is_some(),
            ..guard
        },
        // These plugins have their own rules for callers' tokens.
        Plugin::OAuthIntrospection | Plugin::OAuthTokenExchange => guard,
        Plugin::OAuthClientCredentials => oauth(options),
        Plugin::BasicCredentials => {
            let lets_all_in = options.get("allowAnonymous").is_some_and(Node::is_true);
            Role {
                guards: !lets_all_in,
                lends: lets_all_in,
                ..Role::default()
            }
        }
        Plugin::PathRewrite => Role {
            rewrites: true,
            ..Role::default()
        },
        Plugin::Gateway => {
            let token = options.given("oAuthClientCredentials");
            let token = token.map(oauth).unwrap_or_default();
            let jwt = options.given("jwt");
            Role {
                guards: jwt.is_some() || token.guards,
                lends: token.lends,
                rewrites: options.given("pathRewrite").is_some(),
                judges_paths: jwt.is_some_and(|jwt| jwt.get("authorize").is_some()),
            }
        }
    }
}

/// Without a client in the options, callers bring a client and its secret, and the provider checks them. Otherwise the
/// gateway lends its own token.
fn oauth(options: &Node) -> Role {
    let own = ["clientID", "clientId", "clientSecret"];
    let own = own.iter().any(|option| options.get(option).is_some());
    Role {
        guards: !own,
        lends: own,
        ..Role::default()
    }
}
