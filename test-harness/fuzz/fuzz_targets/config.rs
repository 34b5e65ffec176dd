//! Options of the three plugins. Any block is either read or refused, and neither the refusal nor the log shows a value
//! that could be a secret.
#![no_main]

use std::rc::Rc;

use fuzz::Machine;
use jose::KeyType;
use jwt_plugin::{KeyOptions, Options};
use libfuzzer_sys::fuzz_target;
use middleware::Middleware as _;
use oauth_client_credentials_plugin::OAuthClientCredentials;
use serde_json::Value;

/// Appended to every text in the block.
const MARK: &str = "hunter2";

/// Marks every text. `env:NAME` and `file:/path` only name a secret, so messages may quote them.
fn mark(value: &mut Value) {
    match value {
        Value::String(text) if !text.starts_with("env:") && !text.starts_with("file:") => text.push_str(MARK),
        Value::Array(items) => items.iter_mut().for_each(mark),
        Value::Object(members) => members.values_mut().for_each(mark),
        _ => {}
    }
}

fn check_jwt(json: &[u8]) -> Option<String> {
    let options = match Options::parse(json, &Machine::default()) {
        Ok(options) => options,
        Err(error) => return Some(error.to_string()),
    };
    let accept = &options.rules.accept;
    assert!(!accept.algorithms.is_empty() && (1..=1024 * 1024).contains(&accept.max_bytes));
    let of_secret = |kind: KeyType| kind == KeyType::Symmetric;
    match &options.keys {
        KeyOptions::Remote(_) => assert!(!accept.algorithms.iter().any(|it| of_secret(it.key_type()))),
        KeyOptions::Static(keys) => assert!(accept.algorithms.iter().all(|it| keys.serves(*it))),
    }
    let scopes = &options.rules.policy.required_scopes;
    assert!(scopes.iter().all(|scope| !scope.contains(['"', '\\', ' '])));
    None
}

fn check_oauth(json: &[u8]) -> Option<String> {
    let machine = Rc::new(Machine::default());
    let outcome = OAuthClientCredentials::new(json, Rc::clone(&machine) as Rc<_>);
    let mut said: Vec<String> = machine.logged.borrow().clone();
    said.extend(outcome.err().map(|error| error.to_string()));
    Some(said.join("\n"))
}

fuzz_target!(|json: &[u8]| {
    check_jwt(json);
    check_oauth(json);
    let _ = path_rewrite_plugin::config::parse(json).map(path_rewrite_plugin::rules::Rules::new);

    let Ok(mut block) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    mark(&mut block);
    // Names of options are not secrets, and messages quote them.
    if json.windows(MARK.len()).any(|it| it == MARK.as_bytes()) {
        return;
    }
    let block = block.to_string();
    for said in [check_jwt(block.as_bytes()), check_oauth(block.as_bytes())]
        .into_iter()
        .flatten()
    {
        assert!(!said.contains(MARK), "{said}");
    }
});
