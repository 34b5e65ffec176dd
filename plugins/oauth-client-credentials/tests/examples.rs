//! The plugin accepts the options in the examples and in the option table.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a failing helper fails the test

use std::rc::Rc;

use egress::platform::Native;
use middleware::Middleware as _;
use oauth_client_credentials_plugin::OAuthClientCredentials;
use serde_json::{Value, json};

fn read(file: &str) -> String {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(file: &str) -> Value {
    // Replace the placeholder that the reader fills in.
    serde_saphyr::from_str(&read(file).replace("<your-domain>", "0123")).unwrap()
}

/// Builds the plugin with these options. The error is the text that Traefik logs.
fn build(options: &Value) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    let built = OAuthClientCredentials::new(options.to_string().as_bytes(), platform);
    built.map(|_| ()).map_err(|error| error.to_string())
}

/// Replaces references to the secret with its values, as Traefik's Kubernetes provider does.
fn resolve(value: &mut Value, secret: &Value) {
    match value {
        Value::String(text) => {
            let reference = text
                .strip_prefix("urn:k8s:secret:")
                .and_then(|rest| rest.split_once(':'));
            if let Some((name, key)) = reference {
                assert_eq!(secret["metadata"]["name"], name);
                *value = secret["stringData"][key].clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, secret)),
        Value::Object(members) => members.values_mut().for_each(|member| resolve(member, secret)),
        _ => {}
    }
}

#[test]
fn the_kubernetes_example_is_taken_with_its_secret_and_refused_without() {
    let middleware = yaml("examples/oic-gateway-kubernetes/manifests/oauth.yml");
    let secret = yaml("examples/oic-gateway-kubernetes/manifests/secret.yml");
    assert_eq!(
        secret["metadata"]["namespace"],
        middleware["metadata"]["namespace"]
    );
    let mut options = middleware["spec"]["plugin"]["oAuthClientCredentials"].clone();
    let error = build(&options).unwrap_err();
    assert!(error.contains("urn:k8s:secret:NAME:KEY"), "{error}");
    resolve(&mut options, &secret);
    build(&options).unwrap();
}

#[test]
fn the_file_example_is_taken() {
    let dynamic = yaml("examples/oic-gateway-file/dynamic.yml");
    let mut options = dynamic["http"]["middlewares"]["oic-token"]["plugin"]["oAuthClientCredentials"].clone();
    for secret in ["clientID", "clientSecret"] {
        assert!(options[secret].as_str().unwrap().starts_with("env:"));
        options[secret] = json!("value");
    }
    build(&options).unwrap();
}

#[test]
fn the_catalogue_manifest_is_taken() {
    let mut options = yaml("plugins/oauth-client-credentials/.traefik.yml")["testData"].clone();
    options["clientSecret"] = json!("value");
    build(&options).unwrap();
}

#[test]
fn every_option_is_in_the_option_table() {
    let table = read("docs/options.md");
    for (options, prefix) in [
        (json!({ "no-option-is-called-like-this": 1 }), ""),
        (
            json!({ "clientConfig": { "no-option-is-called-like-this": 1 } }),
            "clientConfig.",
        ),
        (
            json!({ "clientConfig": { "tls": { "no-option-is-called-like-this": 1 } } }),
            "clientConfig.tls.",
        ),
        (
            json!({ "store": { "no-option-is-called-like-this": 1 } }),
            "store.",
        ),
        (
            json!({ "store": { "redis": { "no-option-is-called-like-this": 1 } } }),
            "store.redis.",
        ),
        (
            json!({ "store": { "redis": { "sentinel": { "no-option-is-called-like-this": 1 } } } }),
            "store.redis.sentinel.",
        ),
        (
            json!({ "clientAssertion": { "no-option-is-called-like-this": 1 } }),
            "clientAssertion.",
        ),
    ] {
        let error = build(&options).unwrap_err();
        let (_, known) = error.split_once("known here are: ").unwrap();
        for option in known.split(", ") {
            assert!(
                table.contains(&format!("| `{prefix}{option}` |")),
                "docs/options.md lacks {prefix}{option}"
            );
        }
    }
}
