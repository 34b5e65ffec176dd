//! The options: the plugins' own blocks under their own names.

use middleware::{ConfigError, Middleware, config};
use serde::Deserialize;
use serde_json::Value;

/// The blocks that were given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blocks {
    pub(crate) jwt: Option<Value>,
    #[serde(rename = "oAuthClientCredentials")]
    pub(crate) oauth_client_credentials: Option<Value>,
    #[serde(rename = "pathRewrite")]
    pub(crate) path_rewrite: Option<Value>,
}

impl Blocks {
    /// Reads the option block.
    ///
    /// # Errors
    /// [`ConfigError`] for an unknown name, or where there is no block at all.
    pub(crate) fn parse(config: &[u8]) -> Result<Self, ConfigError> {
        let blocks: Self = config::parse(config)?;
        let given = [
            &blocks.jwt,
            &blocks.oauth_client_credentials,
            &blocks.path_rewrite,
        ];
        if given.iter().all(|block| block.is_none()) {
            return Err(ConfigError::new(
                "configuration",
                "has none of the blocks jwt, oAuthClientCredentials and pathRewrite",
            ));
        }
        Ok(blocks)
    }
}

/// The middleware of `block`, if there is one.
///
/// # Errors
/// The middleware's own; the option's path begins with its name.
pub(crate) fn build<M: Middleware>(
    block: Option<&Value>,
    services: impl FnOnce() -> M::Services,
) -> Result<Option<M>, ConfigError> {
    let Some(block) = block else {
        return Ok(None);
    };
    // Traefik's file provider turns an empty block into an empty text.
    let options = match block {
        Value::String(text) if text.is_empty() => Vec::new(),
        block => block.to_string().into_bytes(),
    };
    M::new(&options, services())
        .map(Some)
        .map_err(|error| error.within(M::NAME))
}
