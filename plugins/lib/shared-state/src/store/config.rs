//! The `store` block, with the names of Traefik Hub: where several Traefiks share what they fetch.

use std::cell::RefCell;

use middleware::config::{given, lenient};
use middleware::{ConfigError, Event, Host, Secret, SecretRef};
use serde::Deserialize;
use serde_json::Value;

use super::conversation::Credentials;
use super::endpoint::Endpoint;
use super::servers::{Sentinel, Servers};
use egress::tls::{Tls, TlsOptions};

/// The store in which several Traefiks share what they fetch.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The prefix of all keys. Default `oic-gateway:`.
    pub key_prefix: Option<String>,
    /// The secret that encrypts all values: 16, 24 or 32 bytes.
    pub secret: Option<SecretRef>,
    /// Redis, or a server that speaks its protocol.
    pub redis: Option<RedisConfig>,
}

/// How to reach Redis.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RedisConfig {
    /// `host:port` of each server, or of each sentinel with `sentinel`. At least one.
    #[serde(deserialize_with = "lenient::strings")]
    pub endpoints: Vec<String>,
    /// The user name (Redis 6 and later).
    pub username: Option<SecretRef>,
    /// The password.
    pub password: Option<SecretRef>,
    /// The number of the database.
    #[serde(deserialize_with = "lenient::integer")]
    pub database: u64,
    /// Set this block, which has no options, if the servers are a cluster.
    pub cluster: Option<Value>,
    /// Trusted authorities and client certificate. Set this block, even an empty one, if the servers speak TLS.
    pub tls: Option<TlsOptions>,
    /// Set this block if the endpoints are sentinels.
    pub sentinel: Option<SentinelConfig>,
}

/// How to find the server through sentinels.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SentinelConfig {
    /// The name of the set of servers that the sentinels watch.
    pub master_set: String,
    /// The user name for the sentinels.
    pub username: Option<SecretRef>,
    /// The password for the sentinels.
    pub password: Option<SecretRef>,
}

impl StoreConfig {
    /// The prefix of all keys.
    pub(super) fn prefix(&self) -> &str {
        self.key_prefix.as_deref().unwrap_or("oic-gateway:")
    }

    /// Checks the block and resolves its secrets.
    ///
    /// # Errors
    /// [`ConfigError`] names the option below `store`.
    pub(super) fn resolve(&self, host: &dyn Host) -> Result<(Secret, Servers), ConfigError> {
        const SECRET: &str = "store.secret";
        let secret = given(self.secret.as_ref())
            .ok_or_else(|| ConfigError::new(SECRET, "is required: entries are encrypted with it"))?
            .resolve(SECRET, host)?;
        let length = secret.expose().len();
        if ![16, 24, 32].contains(&length) {
            return Err(ConfigError::new(
                SECRET,
                format!("has {length} bytes; must have 16, 24 or 32"),
            ));
        }
        if self.prefix().contains(['{', '}']) || self.prefix().len() > 200 {
            return Err(ConfigError::new(
                "store.keyPrefix",
                "must have at most 200 bytes and no { or }, which have a meaning in a cluster",
            ));
        }
        let redis = self
            .redis
            .as_ref()
            .ok_or_else(|| ConfigError::new("store.redis", "is required: there is no other store"))?;
        Ok((secret, redis.resolve(host)?))
    }
}

impl RedisConfig {
    fn resolve(&self, host: &dyn Host) -> Result<Servers, ConfigError> {
        const ENDPOINTS: &str = "store.redis.endpoints";
        if self.endpoints.is_empty() {
            return Err(ConfigError::new(
                ENDPOINTS,
                "is required: list at least one host:port",
            ));
        }
        let mut endpoints = Vec::new();
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            endpoints.push(Endpoint::parse(endpoint).ok_or_else(|| {
                ConfigError::new(
                    format!("{ENDPOINTS}[{index}]"),
                    "must be host:port, for example redis.example:6379",
                )
            })?);
        }
        if self.cluster.is_some() && (self.sentinel.is_some() || self.database != 0) {
            return Err(ConfigError::new(
                "store.redis.cluster",
                "cannot be combined with sentinel or database: a cluster has neither",
            ));
        }
        let credentials = credentials(
            "store.redis",
            self.username.as_ref(),
            self.password.as_ref(),
            host,
        )?;
        let tls = match &self.tls {
            Some(options) => Some(Tls::new(options.clone(), "store.redis.tls", &[], host)?),
            None => None,
        };
        if credentials.password.is_some() && self.tls.as_ref().is_none_or(|tls| tls.insecure_skip_verify) {
            host.log(
                &Event::warn("configuration.insecure")
                    .field("option", "store.redis.tls")
                    .field(
                        "problem",
                        "the password is sent without checking who receives it: use store.redis.tls, with its ca",
                    ),
            );
        }
        Ok(Servers {
            endpoints,
            credentials,
            database: self.database,
            is_cluster: self.cluster.is_some(),
            tls,
            sentinel: match &self.sentinel {
                Some(sentinel) => Some(sentinel.resolve(host)?),
                None => None,
            },
            last: RefCell::new(None),
        })
    }
}

impl SentinelConfig {
    fn resolve(&self, host: &dyn Host) -> Result<Sentinel, ConfigError> {
        if self.master_set.is_empty() {
            return Err(ConfigError::new("store.redis.sentinel.masterSet", "is required"));
        }
        Ok(Sentinel {
            master_set: self.master_set.clone(),
            credentials: credentials(
                "store.redis.sentinel",
                self.username.as_ref(),
                self.password.as_ref(),
                host,
            )?,
        })
    }
}

fn credentials(
    block: &str,
    username: Option<&SecretRef>,
    password: Option<&SecretRef>,
    host: &dyn Host,
) -> Result<Credentials, ConfigError> {
    let resolved = |option: Option<&SecretRef>, name: &str| {
        given(option)
            .map(|reference| reference.resolve(&format!("{block}.{name}"), host))
            .transpose()
    };
    let credentials = Credentials {
        username: resolved(username, "username")?,
        password: resolved(password, "password")?,
    };
    if credentials.username.is_some() && credentials.password.is_none() {
        return Err(ConfigError::new(
            format!("{block}.password"),
            format!("is required together with {block}.username"),
        ));
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egress::platform::Native;
    use serde_json::json;

    fn check(store: &Value) -> Result<(), ConfigError> {
        let config: StoreConfig = middleware::config::parse(store.to_string().as_bytes())?;
        config.resolve(&Native::new("/nonexistent", |_| {})).map(drop)
    }

    #[test]
    fn hubs_blocks_are_taken() {
        for redis in [
            json!({ "endpoints": ["redis:6379"] }),
            json!({ "endpoints": "a:1,b:2", "username": "u", "password": "p", "database": "3" }),
            json!({ "endpoints": ["[::1]:6379"], "tls": { "insecureSkipVerify": true } }),
            json!({ "endpoints": ["a:1", "b:2"], "cluster": {} }),
            json!({ "endpoints": ["a:1"], "cluster": "" }),
            json!({ "endpoints": ["a:1"], "sentinel": { "masterSet": "m", "username": "u", "password": "p" } }),
        ] {
            let store = json!({ "keyPrefix": "oic", "secret": "0123456789abcdef", "redis": redis });
            assert_eq!(check(&store), Ok(()), "{store}");
        }
    }

    #[test]
    fn an_empty_tls_block_means_tls_however_traefik_spells_it() {
        for (tls, expected) in [
            (json!({}), true),
            (json!(""), true),
            (json!({ "ca": "" }), true),
            (json!(null), false),
        ] {
            let redis = json!({ "endpoints": ["a:1"], "tls": tls });
            let block = json!({ "secret": "0123456789abcdef", "redis": redis }).to_string();
            let config: StoreConfig = middleware::config::parse(block.as_bytes()).unwrap();
            let (_, servers) = config.resolve(&Native::new("/nonexistent", |_| {})).unwrap();
            assert_eq!(servers.tls.is_some(), expected, "{tls}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let with = |redis: Value| json!({ "secret": "0123456789abcdef01234567", "redis": redis });
        for (store, field) in [
            (json!({}), "store.secret"),
            (
                json!({ "secret": "hunter2", "redis": { "endpoints": ["a:1"] } }),
                "store.secret",
            ),
            (
                json!({ "secret": "env:NOWHERE", "redis": { "endpoints": ["a:1"] } }),
                "store.secret",
            ),
            (json!({ "secret": "0123456789abcdef" }), "store.redis"),
            (with(json!({})), "store.redis.endpoints"),
            (
                with(json!({ "endpoints": ["redis"] })),
                "store.redis.endpoints[0]",
            ),
            (
                with(json!({ "endpoints": ["a:1", "b:0"] })),
                "store.redis.endpoints[1]",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "sentinel": {} })),
                "store.redis.sentinel.masterSet",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "sentinel": "" })),
                "store.redis.sentinel.masterSet",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "cluster": {}, "database": 1 })),
                "store.redis.cluster",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "username": "u" })),
                "store.redis.password",
            ),
            (
                json!({ "secret": "0123456789abcdef", "keyPrefix": "{x}", "redis": { "endpoints": ["a:1"] } }),
                "store.keyPrefix",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "tls": { "cert": "x" } })),
                "store.redis.tls.key",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "password": "env:NOWHERE" })),
                "store.redis.password",
            ),
            (
                with(json!({ "endpoints": ["a:1"], "tls": { "ca": "no PEM" } })),
                "store.redis.tls.ca",
            ),
            (with(json!({ "endpoint": ["a:1"] })), "redis.endpoint"),
        ] {
            let error = check(&store).unwrap_err();
            assert_eq!(error.field(), field, "{store}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn certificates_and_keys_are_read_wherever_their_text_comes_from() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["a".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&pair).unwrap().pem();
        let key = pair.serialize_pem();
        let ways: [&dyn Fn(&str) -> String; 8] = [
            &|pem| pem.to_owned(),
            &|pem| pem.replace('\n', r"\n"),
            &|pem| pem.replace('\n', " "),
            &|pem| pem.replace('\n', "\r\n"),
            &|pem| pem.replace('\n', "\n    "),
            &|pem| format!("\u{feff}subject=CN = a\n{pem}"),
            &|pem| format!("{pem}# the end\n"),
            &|pem| format!("{certificate}{pem}{certificate}"),
        ];
        for way in ways {
            let tls = json!({ "ca": way(&certificate), "cert": way(&certificate), "key": way(&key) });
            let redis = json!({ "endpoints": ["a:1"], "tls": tls });
            let store = json!({ "secret": "0123456789abcdef", "redis": redis });
            assert_eq!(check(&store), Ok(()), "{store}");
        }
        for (name, text, problem) in [
            ("ca", key.clone(), "is PEM but holds no certificate"),
            (
                "ca",
                certificate.replace("END", "AND"),
                "it may have been cut off",
            ),
            (
                "ca",
                certificate.replace("MII", "M%I"),
                "it may have been damaged",
            ),
            ("key", certificate.clone(), "holds no private key"),
            ("key", format!("{key}{key}"), "holds several private keys"),
            (
                "key",
                key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
                "under a password",
            ),
        ] {
            let mut tls = json!({ "cert": certificate, "key": key });
            tls[name] = text.into();
            let redis = json!({ "endpoints": ["a:1"], "tls": tls });
            let error = check(&json!({ "secret": "0123456789abcdef", "redis": redis })).unwrap_err();
            assert_eq!(error.field(), format!("store.redis.tls.{name}"), "{error}");
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
