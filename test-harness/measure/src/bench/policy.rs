//! What a Traefik that is measured does with a request.

use serde_json::{Value, json};

use harness::gateway::JWT;
use harness_build::guests::Guest;

/// The middlewares on the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Policy {
    /// Passes it on unchanged.
    Plain,
    /// Rewrites the path with Traefik's built-in middleware.
    ReplacePathRegex,
    /// Asks the authoriser.
    ForwardAuth,
    /// Runs the plugin `jwt` alone.
    Jwt,
    /// Runs the plugin `oAuthClientCredentials` alone.
    Oauth,
    /// Runs the plugin `pathRewrite` alone.
    Rewrite,
    /// Runs all three plugins, as in the examples.
    Three,
    /// Runs the plugin `gateway`, all three in one module.
    Gateway,
    /// Makes the host calls of `gateway` and does nothing else.
    Floor,
    /// Makes the host calls of the three plugins in three modules.
    ThreeFloor,
}

impl Policy {
    /// The guests that the policy needs.
    pub(super) fn guests(self) -> &'static [Module] {
        const JWT: Module = Module::Plugin(Guest::JWT);
        const OAUTH: Module = Module::Plugin(Guest::OAUTH_CLIENT_CREDENTIALS);
        const REWRITE: Module = Module::Plugin(Guest::PATH_REWRITE);
        match self {
            Self::Plain | Self::ReplacePathRegex | Self::ForwardAuth => &[],
            Self::Jwt => &[JWT],
            Self::Oauth => &[OAUTH],
            Self::Rewrite => &[REWRITE],
            Self::Three => &[REWRITE, JWT, OAUTH],
            Self::Gateway => &[Module::Plugin(Guest::GATEWAY)],
            Self::Floor => &[Module::Probe("probe-floor")],
            Self::ThreeFloor => &[
                Module::Probe("probe-floor-rewrite"),
                Module::Probe("probe-floor-jwt"),
                Module::Probe("probe-floor-oauth"),
            ],
        }
    }

    /// What the backend sees of it.
    pub(super) fn effect(self) -> Effect {
        Effect {
            wants_token: matches!(self, Self::ForwardAuth | Self::Jwt | Self::Three | Self::Gateway),
            rewrites: !matches!(self, Self::Plain | Self::ForwardAuth | Self::Jwt | Self::Oauth),
            hides_token: matches!(
                self,
                Self::Jwt | Self::Oauth | Self::Three | Self::Gateway | Self::Floor | Self::ThreeFloor
            ),
            names_caller: false,
        }
    }
}

/// A guest in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// A plugin of the build that is measured.
    Plugin(Guest),
    /// A guest of the crate `host-probes`.
    Probe(&'static str),
}

impl Module {
    /// The name in Traefik's configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plugin(guest) => guest.name,
            Self::Probe(name) => name,
        }
    }

    /// Whether the guest opens files in the state directory.
    pub(super) fn has_state(self) -> bool {
        self != Self::Plugin(Guest::PATH_REWRITE)
    }
}

/// The effect of a gateway on a request, as the backend sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// Whether a request without a token gets a 401.
    pub(super) wants_token: bool,
    pub(super) rewrites: bool,
    /// Whether the client's token is kept from the backend.
    pub(super) hides_token: bool,
    /// Whether the backend gets the header [`CALLER`].
    pub(super) names_caller: bool,
}

/// What a row asks of `jwt` beyond issuer, audience and scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    /// The request has a query.
    pub(super) query: bool,
    /// A rule of `authorize` decides about the path.
    pub(super) authorize: bool,
    /// Two headers are made of claims.
    pub(super) claims: bool,
}

impl Extras {
    /// Options to merge into those of the plugins.
    pub(super) fn options(self) -> Value {
        let mut jwt = json!({});
        if self.authorize {
            jwt["authorize"] = json!([
                { "path": format!("{DENIED}/**"), "methods": ["GET"], "anyScope": ["nobody"] },
                { "path": "/echo/**", "methods": ["GET", "HEAD"], "anyScope": ["echo"] },
            ]);
        }
        if self.claims {
            jwt["forwardHeaders"] = json!({ CALLER: "client_id", "X-Subject": "sub" });
        }
        json!({ JWT: jwt })
    }

    /// The request's target for this path.
    pub(super) fn target(self, path: &str) -> String {
        match self.query {
            true => format!("{path}?page=2&limit=50"),
            false => path.to_owned(),
        }
    }
}

/// A header that names the caller.
pub(super) const CALLER: &str = "X-Caller";
/// A path that a rule of `authorize` closes for everybody.
pub(super) const DENIED: &str = "/echo/closed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_has_the_effect_of_its_plugins_and_checks_nothing() {
        for (floor, plugins) in [
            (Policy::Floor, Policy::Gateway),
            (Policy::ThreeFloor, Policy::Three),
        ] {
            let expected = Effect {
                wants_token: false,
                ..plugins.effect()
            };
            assert_eq!(floor.effect(), expected);
            assert_eq!(floor.guests().len(), plugins.guests().len());
        }
    }

    #[test]
    fn extras_are_options_of_jwt() {
        assert_eq!(Extras::default().options(), json!({ JWT: {} }));
        let all = Extras {
            query: true,
            authorize: true,
            claims: true,
        };
        let options = all.options();
        assert_eq!(
            options[JWT].as_object().map(|jwt| jwt.len()),
            Some(2),
            "{options}"
        );
        assert_eq!(all.target("/echo/hello"), "/echo/hello?page=2&limit=50");
        assert_eq!(Extras::default().target("/echo/hello"), "/echo/hello");
    }
}
