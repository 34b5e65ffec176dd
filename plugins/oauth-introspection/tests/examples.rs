//! The plugin accepts the options in the option table and in the catalogue manifest.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a failing helper fails the test

use std::rc::Rc;

use egress::platform::Native;
use middleware::Middleware as _;
use oauth_introspection_plugin::OAuthIntrospection;
use serde_json::{Value, json};

fn read(file: &str) -> String {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn build(options: &Value) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    let built = OAuthIntrospection::new(options.to_string().as_bytes(), platform);
    built.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn the_catalogue_manifest_is_taken() {
    let manifest: Value = serde_saphyr::from_str(&read("plugins/oauth-introspection/.traefik.yml")).unwrap();
    let mut options = manifest["testData"].clone();
    options["clientSecret"] = json!("value");
    build(&options).unwrap();
}

#[test]
fn every_option_is_in_the_option_table() {
    let page = read("docs/options.md");
    let (_, table) = page.split_once("## `oAuthIntrospection`").unwrap();
    let unknown = json!({ "no-option-is-called-like-this": 1 });
    for (options, prefix) in [
        (unknown.clone(), ""),
        (json!({ "clientConfig": unknown }), "clientConfig."),
        (json!({ "tokenSource": unknown }), "tokenSource."),
        (json!({ "limits": unknown }), "limits."),
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
