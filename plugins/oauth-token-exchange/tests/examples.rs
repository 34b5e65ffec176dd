//! The plugin accepts the options in the example, the catalogue, and the option table.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // a failing helper fails the test

use std::rc::Rc;

use egress::Platform;
use egress::platform::Native;
use middleware::Middleware as _;
use oauth_token_exchange_plugin::OAuthTokenExchange;
use serde_json::{Value, json};

fn read(file: &str) -> String {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap()
}

fn platform() -> Rc<dyn Platform> {
    Rc::new(Native::new("/nonexistent", |_| {}))
}

/// Builds the plugin with these options. The error is the text that Traefik logs.
fn build(options: &Value) -> Result<(), String> {
    let built = OAuthTokenExchange::new(options.to_string().as_bytes(), platform);
    built.map(drop).map_err(|error| error.to_string())
}

#[test]
fn the_identity_bridge_is_taken_with_its_key() {
    let dynamic = yaml("examples/identity-bridge/dynamic.yml");
    let mut options =
        dynamic["http"]["middlewares"]["identity-bridge"]["plugin"]["oAuthTokenExchange"].clone();
    options["clientID"] = json!("gateway");
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    options["clientAssertion"]["key"] = json!(key);
    build(&options).unwrap();
}

#[test]
fn the_catalogue_manifest_is_taken() {
    let mut options = yaml("plugins/oauth-token-exchange/.traefik.yml")["testData"].clone();
    options["clientSecret"] = json!("value");
    build(&options).unwrap();
}

#[test]
fn every_option_is_in_the_option_table() {
    let table = read("docs/options.md");
    for block in ["", "jwtBearer.", "rfc8693."] {
        let unknown = json!({ "no-option-is-called-like-this": 1 });
        let options = match block.strip_suffix('.') {
            Some(block) => json!({ block: unknown }),
            None => unknown,
        };
        let error = build(&options).unwrap_err();
        let (_, known) = error.split_once("known here are: ").unwrap();
        for option in known.split(", ") {
            let name = format!("`{block}{option}`");
            let is_block = ["jwtBearer", "rfc8693"].contains(&option);
            let cells = table.lines().filter(|line| line.starts_with("| `"));
            assert!(
                is_block
                    || cells
                        .into_iter()
                        .any(|line| line.split(" | ").next().unwrap().contains(&name)),
                "docs/options.md lacks {name}"
            );
        }
    }
}
