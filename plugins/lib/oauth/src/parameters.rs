//! Further parameters of token requests: the option `endpointParams`.

use std::collections::BTreeMap;

use middleware::{ConfigError, Host, SecretRef};

/// Parameters that every token request sets itself.
const RESERVED: [&str; 6] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// Reads `endpointParams`. `reserved` are the parameters that the plugin sets or has options for, beside those that every
/// token request has.
///
/// # Errors
/// Names a parameter that is reserved, or whose value cannot be found.
pub fn endpoint_parameters(
    options: &BTreeMap<String, SecretRef>,
    reserved: &[&str],
    host: &dyn Host,
) -> Result<Vec<(String, String)>, ConfigError> {
    let parameter = |(name, value): (&String, &SecretRef)| {
        let field = format!("endpointParams.{name}");
        if RESERVED.iter().chain(reserved).any(|reserved| reserved == name) {
            return Err(ConfigError::new(
                field,
                "has an option of its own, or is set by the plugin",
            ));
        }
        let value = value.resolve_document(&field, host)?;
        Ok((name.clone(), value.expose().to_owned()))
    };
    options.iter().map(parameter).collect()
}
