//! The plugin accepts the options in the option table.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a failing helper fails the test

use std::rc::Rc;

use basic_credentials_plugin::BasicCredentials;
use middleware::Middleware as _;
use serde_json::{Value, json};
use test_doubles::TestHost;

fn build(options: &Value) -> Result<(), String> {
    let built = BasicCredentials::new(options.to_string().as_bytes(), Rc::new(TestHost::new()));
    built.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn every_option_is_in_the_option_table() {
    let path = format!("{}/../../docs/options.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap();
    let (_, table) = page.split_once("## `basicCredentials`").unwrap();
    let unknown = json!({ "no-option-is-called-like-this": 1 });
    for (options, prefix) in [
        (unknown.clone(), ""),
        (json!({ "apiKeys": [unknown] }), "apiKeys[]."),
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
