//! JSON schemas of the plugins' options, so that editors complete and check the YAML.

use basic_credentials_plugin::Options as BasicOptions;
use oauth_client_credentials_plugin::Options as OauthOptions;
use oauth_introspection_plugin::Options as IntrospectionOptions;
use oauth_token_exchange_plugin::Options as ExchangeOptions;
use serde_json::{Map, Value, json};

/// Returns the schemas by file name: one for each plugin's block, one for a Kubernetes Middleware, and one for dynamic
/// configuration of the file provider.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let gateway = json!({
        "title": "gateway",
        "description": "The three plugins in one module, each with its own block.",
        "type": "object",
        "properties": { "jwt": jwt(), "oAuthClientCredentials": oauth(), "pathRewrite": rewrite() },
        "additionalProperties": false,
    });
    let plugins = json!({
        "type": "object",
        "properties": {
            "jwt": jwt(), "oAuthClientCredentials": oauth(), "pathRewrite": rewrite(), "gateway": gateway,
            "oAuthIntrospection": introspection(), "basicCredentials": basic(),
            "oAuthTokenExchange": exchange(),
        },
    });
    let middleware = json!({
        "title": "Middleware with a plugin of the OIC gateway",
        "type": "object",
        "properties": { "spec": { "type": "object", "properties": { "plugin": plugins } } },
    });
    let named = json!({ "type": "object", "properties": { "plugin": plugins } });
    let dynamic = json!({
        "title": "Dynamic configuration with plugins of the OIC gateway",
        "type": "object",
        "properties": { "http": { "type": "object", "properties": {
            "middlewares": { "type": "object", "additionalProperties": named },
        }}},
    });
    let whole = [
        ("jwt", jwt()),
        ("oAuthClientCredentials", oauth()),
        ("oAuthIntrospection", introspection()),
        ("basicCredentials", basic()),
        ("oAuthTokenExchange", exchange()),
        ("pathRewrite", rewrite()),
        ("gateway", gateway),
        ("kubernetes-middleware", middleware),
        ("dynamic-configuration", dynamic),
    ];
    whole.map(|(name, schema)| (name, with_dialect(schema))).into()
}

fn jwt() -> Value {
    prepared(jwt_plugin::Options::schema(), "jwt")
}

fn oauth() -> Value {
    prepared(schemars::schema_for!(OauthOptions), "oAuthClientCredentials")
}

fn introspection() -> Value {
    prepared(schemars::schema_for!(IntrospectionOptions), "oAuthIntrospection")
}

fn basic() -> Value {
    prepared(schemars::schema_for!(BasicOptions), "basicCredentials")
}

fn exchange() -> Value {
    let mut schema = prepared(schemars::schema_for!(ExchangeOptions), "oAuthTokenExchange");
    if let Some(block) = schema.pointer_mut("/properties/jwt") {
        *block = jwt();
    }
    schema
}

fn rewrite() -> Value {
    prepared(path_rewrite_plugin::config::schema(), "pathRewrite")
}

/// Inlines definitions, so that schemas can be nested, and allows the spellings of Traefik's providers.
fn prepared(schema: schemars::Schema, title: &str) -> Value {
    let mut schema: Value = schema.into();
    let definitions = schema
        .as_object_mut()
        .and_then(|members| {
            members.remove("$schema");
            members.remove("$defs")
        })
        .unwrap_or_default();
    resolve(&mut schema, &definitions);
    with(schema, "title", title)
}

fn resolve(schema: &mut Value, definitions: &Value) {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        let mut definition = definitions[name].clone();
        // The description at the place of use takes precedence.
        if let (Some(members), Some(own)) = (definition.as_object_mut(), schema.as_object()) {
            let own = own.iter().filter(|(name, _)| *name != "$ref");
            members.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        }
        *schema = definition;
    }
    match schema {
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| resolve(member, definitions)),
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, definitions)),
        _ => {}
    }
    if let Value::Object(members) = schema {
        loosen(members);
    }
}

/// Allows texts for numbers and booleans, and a single text for a list of texts.
fn loosen(members: &mut Map<String, Value>) {
    let types: Vec<String> = match members.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => return,
    };
    let is = |name: &str| types.iter().any(|it| it == name);
    let of_texts = members
        .get("items")
        .is_some_and(|items| items["type"] == "string");
    if is("integer") || is("boolean") || (is("array") && of_texts) {
        let mut loose: Vec<Value> = types.iter().map(|it| it.as_str().into()).collect();
        if !is("string") {
            loose.push("string".into());
        }
        // The ranges of Rust's types are of no use to a reader.
        members.remove("format");
        members.insert("type".to_owned(), loose.into());
    }
}

fn with_dialect(schema: Value) -> Value {
    with(schema, "$schema", "https://json-schema.org/draft/2020-12/schema")
}

fn with(mut schema: Value, name: &str, text: &str) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert(name.to_owned(), text.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(name: &str) -> jsonschema::Validator {
        let schemas = schemas();
        let (_, schema) = schemas.iter().find(|(known, _)| *known == name).unwrap();
        jsonschema::validator_for(schema).unwrap()
    }

    fn yaml(path: &str) -> Value {
        let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")).join(path);
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_examples_fit() {
        for folder in [
            "browser-clients",
            "caller-identity",
            "client-authentication",
            "oic-gateway-file",
            "opaque-tokens",
            "private-jwks",
            "several-replicas",
            "static-keys",
            "team-access",
            "token-exchange",
        ] {
            let document = yaml(&format!("{folder}/dynamic.yml"));
            assert!(validator("dynamic-configuration").is_valid(&document), "{folder}");
        }
        let middleware = validator("kubernetes-middleware");
        for file in [
            "manifests/jwt.yml",
            "manifests/oauth.yml",
            "with-path-rewrite/virtual-endpoint.yml",
        ] {
            let document = yaml(&format!("oic-gateway-kubernetes/{file}"));
            assert!(middleware.is_valid(&document), "{file}");
        }
    }

    #[test]
    fn spellings_that_a_plugin_takes_fit_and_others_do_not() {
        let jwt = validator("jwt");
        for (options, fits) in [
            (
                json!({ "jwksUrl": "https://i/k", "leewaySeconds": 60, "audiences": ["a"] }),
                true,
            ),
            (
                json!({ "jwksUrl": "https://i/k", "leewaySeconds": "60", "audiences": "a" }),
                true,
            ),
            (
                json!({ "requireExp": "true", "clientConfig": { "tls": { "insecureSkipVerify": false } } }),
                true,
            ),
            (
                json!({ "forwardHeaders": { "X-User": "sub" }, "trustedIssuers": [{ "jwksUrl": "https://i/k" }] }),
                true,
            ),
            (
                json!({ "authorize": [{ "path": "/hr/**", "methods": "GET", "anyScope": ["a"], "onDeny": "404" }] }),
                true,
            ),
            (
                json!({ "jwksAuth": { "url": "https://i/t", "clientID": "a", "clientSecret": "env:B" },
                        "verifyClaims": [{ "key": "a", "values": ["b"], "isRequired": "false" }] }),
                true,
            ),
            (json!({ "authorize": [{ "anyScope": ["a"] }] }), false),
            (json!({ "authorize": [{ "path": "/hr", "scope": "a" }] }), false),
            (json!({ "jwksAuth": { "uri": "https://i/t" } }), false),
            (json!({ "audience": "a" }), false),
            (json!({ "clientConfig": { "timeout": 5 } }), false),
            (json!({ "leewaySeconds": [60] }), false),
            (json!({ "trustedIssuers": [{ "issuer": "i" }] }), false),
            (json!({ "forwardHeaders": ["X-User"] }), false),
        ] {
            assert_eq!(jwt.is_valid(&options), fits, "{options}");
        }
        let gateway = validator("gateway");
        assert!(gateway.is_valid(&json!({ "jwt": { "jwksUrl": "x" } })));
        assert!(!gateway.is_valid(&json!({ "jwt": { "jwksURL": "x" } })));
        assert!(!gateway.is_valid(&json!({ "jtw": {} })));
    }

    #[test]
    fn every_option_is_described() {
        for (name, schema) in schemas() {
            if ["gateway", "kubernetes-middleware", "dynamic-configuration"].contains(&name) {
                continue;
            }
            for (option, described) in schema["properties"].as_object().unwrap() {
                assert!(described["description"].is_string(), "{name}.{option}");
            }
        }
    }
}
