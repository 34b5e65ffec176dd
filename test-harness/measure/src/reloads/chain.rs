//! The middlewares on the routers.

use std::path::Path;

use serde_json::{Map, Value, json};

use harness::gateway::{Gateway, GatewayBuilder, INTEGRATION};
use harness::idcs::{Application, Idcs, Resource};
use harness::oic::Oic;
use harness::traefik::LocalPlugin;
use harness_build::guests::{self, GuestError};

/// The middlewares on each router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Two of Traefik's own middlewares.
    BuiltIn,
    /// The same, plus a plugin that does nothing.
    Idle,
    /// The same, but the idle plugin imports a socket function. One directory is mounted.
    IdleWithSockets,
    /// The same, but the plugin closes stdin, stdout and stderr when its first instance starts.
    IdleWithoutStreams,
    /// Our three plugins. Two of them have sockets and a mounted directory.
    ThreePlugins,
    /// Plugin `gateway`, which combines the three.
    OnePlugin,
    /// Plugin `gateway` without path rewriting, on one router that is the parent of all others.
    OnePluginOnAParent,
}

impl Chain {
    /// All chains, from no plugin to our plugins.
    pub const ALL: [Self; 7] = [
        Self::BuiltIn,
        Self::Idle,
        Self::IdleWithSockets,
        Self::IdleWithoutStreams,
        Self::ThreePlugins,
        Self::OnePlugin,
        Self::OnePluginOnAParent,
    ];

    /// The label in a table.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BuiltIn => "no plugin",
            Self::Idle => "1 idle plugin",
            Self::IdleWithSockets => "1 idle plugin with sockets",
            Self::IdleWithoutStreams => "the same, streams closed",
            Self::ThreePlugins => "our 3 plugins",
            Self::OnePlugin => "our plugin gateway",
            Self::OnePluginOnAParent => "the same on a parent router",
        }
    }

    /// Creates a gateway with this chain on one router per path. `plugins` is a folder that the caller owns.
    pub(super) fn gateway(self, paths: &[String], plugins: &Path) -> Result<GatewayBuilder, GuestError> {
        let idcs = Idcs::start();
        let http = match self {
            Self::ThreePlugins | Self::OnePlugin => json!({}),
            Self::OnePluginOnAParent => below_a_parent(paths.len()),
            _ => self.in_place_of_ours(&idcs, paths.len()),
        };
        let mut settings = json!({ "api": { "debug": true }, "log": { "level": "INFO" } });
        match self.probe() {
            _ if self.is_ours() => {}
            None => settings["experimental"] = Value::Null,
            Some(_) => {
                settings["experimental"] = json!({ "localPlugins": {
                    "gateway": null, "jwt": null, "oAuthClientCredentials": null, "pathRewrite": null,
                }})
            }
        }
        if let Some(bin) = self.probe() {
            let lowered = guests::lower_and_check(bin, &guests::build_probe(bin)?, false)?;
            guests::lay_out_probe(plugins, IDLE, &lowered.wasm)?;
        }

        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let plugins = plugins.to_owned();
        let gateway = Gateway::in_front_of(idcs)
            .oic(|idcs| Oic::builder(idcs).plain_http().start())
            .routers(&paths)
            .http(http)
            .traefik(move |traefik| {
                let limit = std::env::var(MEMORY_LIMIT).unwrap_or_else(|_| USUAL_LIMIT.to_owned());
                let traefik = traefik.static_patch(settings).env(MEMORY_LIMIT, limit);
                match self.probe() {
                    Some(_) => traefik
                        .plugin(LocalPlugin::new(IDLE, guests::probe_module(IDLE)).mount(&plugins))
                        .plugins_from(plugins),
                    None if self.is_ours() => traefik,
                    None => traefik.plugins_from(plugins),
                }
            });
        Ok(match self {
            Self::OnePlugin | Self::OnePluginOnAParent => gateway.one_module(),
            _ => gateway,
        })
    }

    const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::ThreePlugins | Self::OnePlugin | Self::OnePluginOnAParent
        )
    }

    const fn probe(self) -> Option<&'static str> {
        match self {
            Self::Idle => Some("probe-idle"),
            Self::IdleWithSockets | Self::IdleWithoutStreams => Some("probe-idle-sockets"),
            _ => None,
        }
    }

    /// Puts Traefik's own middlewares in place of ours, followed by the idle plugin if the chain has one.
    fn in_place_of_ours(self, idcs: &Idcs, routers: usize) -> Value {
        let token = idcs
            .client_token()
            .client_id(Application::GATEWAY_ID)
            .audience(&Resource::oic().primary_audience)
            .expires_in(A_DAY)
            .mint();
        let mut middlewares = json!({
            "jwt": null,
            "oauth": { "plugin": null, "headers": {
                "customRequestHeaders": { "Authorization": format!("Bearer {token}") },
            }},
            "rewrite": { "plugin": null },
        });
        middlewares["rewrite"]["replacePathRegex"] = rewriting()["replacePathRegex"].clone();
        let mut chain = vec!["rewrite", "oauth"];
        if self.probe().is_some() {
            let options = match self {
                Self::IdleWithoutStreams => json!({ "closeStreams": true }),
                _ => json!({}),
            };
            middlewares[IDLE] = json!({ "plugin": { IDLE: options } });
            chain.push(IDLE);
        }
        json!({ "middlewares": middlewares, "routers": each(routers, &json!({ "middlewares": chain })) })
    }
}

/// Puts the plugin on a parent router and makes the others its children. The children match the path as the parent
/// leaves it, so they do the rewriting, with Traefik's own middleware.
fn below_a_parent(routers: usize) -> Value {
    let child = json!({ "middlewares": ["rewrite"], "parentRefs": ["all"], "entryPoints": null });
    let mut routers = each(routers, &child);
    let parent = json!({ "rule": "PathPrefix(`/r`)", "entryPoints": ["web"], "middlewares": ["gateway"] });
    routers.insert("all".to_owned(), parent);
    json!({
        "middlewares": {
            "gateway": { "plugin": { "gateway": { "pathRewrite": null } } },
            "rewrite": rewriting(),
        },
        "routers": routers,
    })
}

fn rewriting() -> Value {
    json!({ "replacePathRegex": { "regex": "^/[a-z0-9]+(.*)", "replacement": format!("{INTEGRATION}$1") } })
}

/// Applies the same change to each router of a [`Gateway`].
fn each(routers: usize, change: &Value) -> Map<String, Value> {
    (0..routers)
        .map(|index| (format!("route-{index}"), change.clone()))
        .collect()
}

const IDLE: &str = "idle";
/// In seconds. Longer than any run.
pub(super) const A_DAY: i64 = 24 * 3600;
/// Go's memory limit: near it, Go collects garbage more often (`off`: no limit). A value in the environment wins.
const MEMORY_LIMIT: &str = "GOMEMLIMIT";
/// The value that docs/traefik-wasm-notes.md recommends.
const USUAL_LIMIT: &str = "1GiB";
