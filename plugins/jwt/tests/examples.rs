//! The plugin accepts the options in the examples and in the option table.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a failing helper fails the test

use std::rc::Rc;

use egress::platform::Native;
use jwt_plugin::JwtPlugin;
use middleware::Middleware as _;
use serde_json::{Value, json};

fn read(file: &str) -> String {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Builds the plugin with these options. The error is the text that Traefik logs.
fn build(options: &Value) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    let built = JwtPlugin::new(options.to_string().as_bytes(), platform);
    built.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn the_kubernetes_example_is_taken() {
    // Replace the placeholder that the reader fills in.
    let text = read("examples/oic-gateway-kubernetes/manifests/jwt.yml").replace("<your-domain>", "0123");
    let middleware: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(middleware["kind"], "Middleware");
    build(&middleware["spec"]["plugin"]["jwt"]).unwrap();
}

#[test]
fn the_file_example_is_taken() {
    let dynamic: Value = serde_saphyr::from_str(&read("examples/oic-gateway-file/dynamic.yml")).unwrap();
    build(&dynamic["http"]["middlewares"]["client-token"]["plugin"]["jwt"]).unwrap();
}

#[test]
fn the_catalogue_manifest_is_taken() {
    let manifest: Value = serde_saphyr::from_str(&read("plugins/jwt/.traefik.yml")).unwrap();
    build(&manifest["testData"]).unwrap();
}

#[test]
fn every_option_is_in_the_option_table() {
    let table = read("docs/options.md");
    let error = build(&json!({ "no-option-is-called-like-this": 1 })).unwrap_err();
    let (_, known) = error.split_once("known here are: ").unwrap();
    for option in known.split(", ") {
        assert!(
            table.contains(&format!("| `{option}` |")),
            "docs/options.md lacks {option}"
        );
    }
}
