//! The `store` block, named as in Traefik Hub: where several Traefiks share what they fetched.

use middleware::{ConfigError, Host, SecretRef, config::lenient};
use serde::Deserialize;
use serde_json::Value;

use crate::TlsOptions;
use crate::client_config::given;

/// Where and how to share. Read and checked; values go into the state directory alone so far.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoreConfig {
    /// What the names of all entries begin with.
    pub key_prefix: Option<String>,
    /// What entries are encrypted with: 16, 24 or 32 bytes.
    pub secret: Option<SecretRef>,
    /// Redis, or what speaks its protocol.
    pub redis: Option<RedisConfig>,
}

/// How to reach Redis.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RedisConfig {
    /// `host:port` of each server, at least one.
    #[serde(deserialize_with = "lenient::strings")]
    pub endpoints: Vec<String>,
    /// The user's name (Redis 6 and later).
    pub username: Option<SecretRef>,
    /// The password.
    pub password: Option<SecretRef>,
    /// The number of the database.
    #[serde(deserialize_with = "lenient::integer")]
    pub database: u64,
    /// That the servers are a cluster. Has no options of its own.
    pub cluster: Option<Value>,
    /// Trust and client certificate.
    pub tls: Option<TlsOptions>,
    /// That the servers are sentinels.
    pub sentinel: Option<SentinelConfig>,
}

/// How to find the server by sentinels.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SentinelConfig {
    /// The name of the set of servers.
    pub master_set: String,
    /// The user's name at the sentinels.
    pub username: Option<SecretRef>,
    /// The password at the sentinels.
    pub password: Option<SecretRef>,
}

impl StoreConfig {
    /// Checks the block, and that its secrets can be had.
    ///
    /// # Errors
    /// [`ConfigError`] names the option below `store`.
    pub fn check(&self, host: &dyn Host) -> Result<(), ConfigError> {
        const SECRET: &str = "store.secret";
        let secret = given(self.secret.as_ref())
            .ok_or_else(|| ConfigError::new(SECRET, "is required: entries are encrypted with it"))?;
        let length = secret.resolve(SECRET, host)?.expose().len();
        if ![16, 24, 32].contains(&length) {
            return Err(ConfigError::new(
                SECRET,
                format!("has {length} bytes; must have 16, 24 or 32"),
            ));
        }
        let redis = self
            .redis
            .as_ref()
            .ok_or_else(|| ConfigError::new("store.redis", "is required: there is no other store"))?;
        redis.check(host)
    }
}

impl RedisConfig {
    fn check(&self, host: &dyn Host) -> Result<(), ConfigError> {
        const ENDPOINTS: &str = "store.redis.endpoints";
        if self.endpoints.is_empty() {
            return Err(ConfigError::new(
                ENDPOINTS,
                "is required: list at least one host:port",
            ));
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let parts = endpoint.rsplit_once(':');
            let good = parts.is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)
            });
            if !good {
                return Err(ConfigError::new(
                    format!("{ENDPOINTS}[{index}]"),
                    "must be host:port, for example redis.example:6379",
                ));
            }
        }
        if self.cluster.is_some() && (self.sentinel.is_some() || self.database != 0) {
            return Err(ConfigError::new(
                "store.redis.cluster",
                "cannot be combined with sentinel or database: a cluster has neither",
            ));
        }
        let sentinel = self.sentinel.as_ref();
        if sentinel.is_some_and(|sentinel| sentinel.master_set.is_empty()) {
            return Err(ConfigError::new("store.redis.sentinel.masterSet", "is required"));
        }
        for (field, secret) in [
            ("store.redis.username", self.username.as_ref()),
            ("store.redis.password", self.password.as_ref()),
            (
                "store.redis.sentinel.username",
                sentinel.and_then(|sentinel| sentinel.username.as_ref()),
            ),
            (
                "store.redis.sentinel.password",
                sentinel.and_then(|sentinel| sentinel.password.as_ref()),
            ),
        ] {
            if let Some(secret) = given(secret) {
                secret.resolve(field, host)?;
            }
        }
        match &self.tls {
            Some(tls) => tls
                .check_authority(host)
                .map_err(|error| ConfigError::new("store.redis.tls.ca", error.to_string())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Native;
    use serde_json::json;

    fn check(store: &Value) -> Result<(), ConfigError> {
        let config: StoreConfig = middleware::config::parse(store.to_string().as_bytes())?;
        config.check(&Native::new("/nonexistent", |_| {}))
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
                with(json!({ "endpoints": ["a:1"], "cluster": {}, "database": 1 })),
                "store.redis.cluster",
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
}
