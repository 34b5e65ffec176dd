//! What each row of the comparison measures.

use super::policy::{Extras, Policy};

/// No gateway: shows what the generator and the backend can do.
pub(super) const DIRECT: &str = "direct";
/// The row with which the others are compared.
pub(super) const PLAIN: &str = "plain";
/// The host calls of `gateway` and of the three plugins, which no plugin with their effects can avoid.
pub(super) const FLOOR: &str = "floor";
pub(super) const THREE_FLOOR: &str = "three_floor";
pub(super) const REPLACE_PATH_REGEX: &str = "replace_path_regex";
pub(super) const FORWARD_AUTH: &str = "forward_auth";
pub(super) const ENVOY_CACHED: &str = "envoy_cached";
pub(super) const ENVOY_UNCACHED: &str = "envoy_uncached";
pub(super) const HAPROXY: &str = "haproxy";
pub(super) const CHAIN_WARM: &str = "chain_warm";
pub(super) const CHAIN_COLD: &str = "chain_cold";
pub(super) const GATEWAY_WARM: &str = "gateway_warm";
pub(super) const GATEWAY_COLD: &str = "gateway_cold";
/// `gateway` with a query, a rule of `authorize` and two headers made of claims.
pub(super) const GATEWAY_ALL: &str = "gateway_all";

/// What a row measures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) target: What,
    pub(super) tokens: Tokens,
    pub(super) extras: Extras,
    /// The row that makes the same host calls and does nothing else.
    pub(super) floor: Option<&'static str>,
}

/// What answers the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Backend,
    Traefik(Policy),
    Envoy { cache: bool },
    Haproxy,
}

/// The tokens in the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tokens {
    /// [`FEW`], which every instance has seen before.
    Few,
    /// This many, one after the other, over and over.
    Many(usize),
    /// Every request has one of its own.
    New,
}

/// Distinct tokens in the rows whose tokens were seen before.
pub(super) const FEW: usize = 8;

/// The names of the rows, in the order of the report.
pub const ROWS: [&str; SPECS.len()] = {
    let mut names = [""; SPECS.len()];
    let mut place = 0;
    while place < SPECS.len() {
        names[place] = SPECS[place].name;
        place += 1;
    }
    names
};

/// The rows in the order of the report. A floor stands before the rows that are compared with it, because the machine's
/// speed changes from minute to minute.
pub(super) const SPECS: [Spec; 19] = [
    Spec::new(DIRECT, What::Backend),
    Spec::new(PLAIN, What::Traefik(Policy::Plain)),
    Spec::new(REPLACE_PATH_REGEX, What::Traefik(Policy::ReplacePathRegex)),
    Spec::new(FORWARD_AUTH, What::Traefik(Policy::ForwardAuth)),
    Spec::new(ENVOY_CACHED, What::Envoy { cache: true }),
    Spec::new(ENVOY_UNCACHED, What::Envoy { cache: false }),
    Spec::new(HAPROXY, What::Haproxy),
    Spec::new(THREE_FLOOR, What::Traefik(Policy::ThreeFloor)),
    Spec::new(CHAIN_WARM, What::Traefik(Policy::Three)).above(THREE_FLOOR),
    Spec::new(CHAIN_COLD, What::Traefik(Policy::Three)).with(Tokens::New),
    Spec::new(FLOOR, What::Traefik(Policy::Floor)),
    Spec::gateway(GATEWAY_WARM).above(FLOOR),
    Spec::gateway(GATEWAY_ALL).above(FLOOR).asking(true, true, true),
    Spec::gateway("gateway_query")
        .above(FLOOR)
        .asking(true, false, false),
    Spec::gateway("gateway_authorize")
        .above(FLOOR)
        .asking(false, true, false),
    Spec::gateway("gateway_claims")
        .above(FLOOR)
        .asking(false, false, true),
    Spec::gateway("gateway_1000_tokens")
        .above(FLOOR)
        .with(Tokens::Many(1000)),
    Spec::gateway("gateway_10000_tokens")
        .above(FLOOR)
        .with(Tokens::Many(10_000)),
    Spec::gateway(GATEWAY_COLD).with(Tokens::New),
];

impl Spec {
    const fn new(name: &'static str, target: What) -> Self {
        Self {
            name,
            target,
            tokens: Tokens::Few,
            extras: Extras {
                query: false,
                authorize: false,
                claims: false,
            },
            floor: None,
        }
    }

    const fn gateway(name: &'static str) -> Self {
        Self::new(name, What::Traefik(Policy::Gateway))
    }

    const fn with(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    const fn asking(mut self, query: bool, authorize: bool, claims: bool) -> Self {
        self.extras = Extras {
            query,
            authorize,
            claims,
        };
        self
    }

    const fn above(mut self, floor: &'static str) -> Self {
        self.floor = Some(floor);
        self
    }

    /// Whether the row runs our plugins.
    pub(super) const fn is_ours(&self) -> bool {
        matches!(self.target, What::Traefik(Policy::Three | Policy::Gateway))
    }
}

/// The floor of the row with this name.
pub(super) fn floor_of(name: &str) -> Option<&'static str> {
    SPECS.iter().find(|spec| spec.name == name)?.floor
}

/// The build of the plugins that a row measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Build {
    /// The build that the run is about.
    #[default]
    Current,
    /// The build to compare with.
    Baseline,
}

/// The name of a row in the report.
pub(super) fn label(name: &str, build: Build) -> String {
    match build {
        Build::Current => name.to_owned(),
        Build::Baseline => format!("{name} (baseline)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_floor_is_a_row_and_only_known_tokens_have_one() {
        for spec in SPECS {
            if let Some(floor) = spec.floor {
                assert!(ROWS.contains(&floor), "{}", spec.name);
                assert!(spec.is_ours() && spec.tokens != Tokens::New, "{}", spec.name);
            }
        }
        assert_eq!(floor_of(CHAIN_WARM), Some(THREE_FLOOR));
        assert_eq!(floor_of(GATEWAY_COLD), None);
    }

    #[test]
    fn names_are_unique_and_tell_the_build() {
        let mut names = ROWS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SPECS.len());
        assert_eq!(label(CHAIN_WARM, Build::Baseline), "chain_warm (baseline)");
    }
}
