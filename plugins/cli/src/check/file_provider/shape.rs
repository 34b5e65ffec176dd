//! The types of Traefik's settings, as far as they decide which requests pass.

/// The type of a setting.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Any type; not examined.
    Any,
    Text,
    Int,
    Bool,
    Texts,
    /// A block with only these settings. Traefik refuses a file with others.
    Block(Fields),
    /// A block with these settings, and others that are not examined.
    Part(Fields),
    /// Like [`Self::Part`], but it may also be empty or a switch.
    Switch(Fields),
    Blocks(Fields),
    /// A block with names that the user chooses.
    Map(&'static Shape),
    /// Plugins by name, with their options.
    Plugins,
}

pub(super) type Fields = &'static [(&'static str, Shape)];

use Shape::{Any, Block, Blocks, Bool, Int, Map, Part, Plugins, Switch, Text, Texts};

pub(super) const DYNAMIC: Shape = Part(&[
    (
        "http",
        Block(&[
            ("routers", Map(&ROUTER)),
            ("services", Map(&SERVICE)),
            ("middlewares", Map(&MIDDLEWARE)),
            ("models", Map(&Any)),
            ("serversTransports", Map(&Any)),
        ]),
    ),
    (
        "tcp",
        Block(&[
            ("routers", Map(&TCP_ROUTER)),
            ("services", Map(&TCP_SERVICE)),
            ("middlewares", Map(&Any)),
            ("models", Map(&Any)),
            ("serversTransports", Map(&Any)),
        ]),
    ),
]);

const ROUTER: Shape = Block(&[
    ("entryPoints", Texts),
    ("middlewares", Texts),
    ("service", Text),
    ("rule", Text),
    ("parentRefs", Texts),
    ("ruleSyntax", Text),
    ("priority", Int),
    ("tls", Any),
    ("observability", Any),
]);

const SERVICE: Shape = Part(&[
    ("middlewares", Texts),
    (
        "loadBalancer",
        Part(&[(
            "servers",
            Blocks(&[
                ("url", Text),
                ("weight", Any),
                ("preservePath", Any),
                ("fenced", Any),
            ]),
        )]),
    ),
    ("weighted", Part(&[("services", Blocks(NAMED))])),
    ("highestRandomWeight", Part(&[("services", Blocks(NAMED))])),
    (
        "mirroring",
        Part(&[
            ("service", Text),
            ("mirrors", Blocks(&[("name", Text), ("percent", Any)])),
        ]),
    ),
    ("failover", Part(&[("service", Text), ("fallback", Text)])),
]);

const NAMED: Fields = &[
    ("name", Text),
    ("weight", Any),
    ("status", Any),
    ("grpcStatus", Any),
    ("headers", Any),
];

const MIDDLEWARE: Shape = Block(&[
    ("addPrefix", Any),
    ("stripPrefix", Any),
    ("stripPrefixRegex", Any),
    ("replacePath", Any),
    ("replacePathRegex", Any),
    ("chain", Block(&[("middlewares", Texts)])),
    ("ipWhiteList", Any),
    ("ipAllowList", Any),
    ("headers", Any),
    ("encodedCharacters", Any),
    ("errors", Any),
    ("rateLimit", Any),
    ("redirectRegex", Any),
    ("redirectScheme", Any),
    ("basicAuth", Any),
    ("digestAuth", Any),
    ("forwardAuth", Any),
    ("inFlightReq", Any),
    ("buffering", Any),
    ("circuitBreaker", Any),
    ("compress", Any),
    ("passTLSClientCert", Any),
    ("retry", Any),
    ("contentType", Any),
    ("grpcWeb", Any),
    ("plugin", Plugins),
]);

const TCP_ROUTER: Shape = Part(&[("entryPoints", Texts), ("service", Text), ("rule", Text)]);

const TCP_SERVICE: Shape = Part(&[
    (
        "loadBalancer",
        Part(&[("servers", Blocks(&[("address", Text), ("tls", Any)]))]),
    ),
    ("weighted", Part(&[("services", Blocks(NAMED))])),
]);

pub(super) const STATIC: Shape = Part(&[
    (
        "entryPoints",
        Map(&Part(&[
            ("address", Text),
            ("asDefault", Bool),
            ("http", Part(&[("middlewares", Texts)])),
        ])),
    ),
    (
        "providers",
        Switch(&[("kubernetesCRD", Switch(&[("allowCrossNamespace", Bool)]))]),
    ),
    (
        "experimental",
        Part(&[
            ("plugins", Map(&PLUGIN)),
            ("localPlugins", Map(&PLUGIN)),
            ("abortOnPluginFailure", Bool),
        ]),
    ),
]);

const PLUGIN: Shape = Part(&[
    ("moduleName", Text),
    ("settings", Part(&[("mounts", Texts), ("envs", Texts)])),
]);
