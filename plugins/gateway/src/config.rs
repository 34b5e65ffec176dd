//! The options: the plugins' own blocks under their own names.

use middleware::{ConfigError, Middleware, config};
use serde::Deserialize;
use serde_json::Value;

/// The configured blocks.
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
    /// Parses the option block.
    ///
    /// # Errors
    /// [`ConfigError`] for an unknown name, or if there is no block at all.
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

/// Builds the middleware for `block`, if there is one.
///
/// # Errors
/// The middleware's own error. The path of the option begins with the block's name.
pub(crate) fn build<M: Middleware>(
    block: Option<&Value>,
    services: impl FnOnce() -> M::Services,
) -> Result<Option<M>, ConfigError> {
    let Some(block) = block else {
        return Ok(None);
    };
    // Traefik's file provider turns an empty block into an empty string.
    let options = match block {
        Value::String(text) if text.is_empty() => Vec::new(),
        block => block.to_string().into_bytes(),
    };
    M::new(&options, services())
        .map(Some)
        .map_err(|error| error.within(M::NAME))
}
