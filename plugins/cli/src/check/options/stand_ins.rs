//! Values that stand in for what exists only on Traefik's machine: environment variables, files, and Secrets.

use serde_json::{Map, Value};

use crate::check::placeholders::placeholder;
use crate::check::target::Target;

/// Replaces references that exist only on Traefik's machine with valid values.
pub(super) fn fill_in(name: &str, value: &mut Value) {
    match value {
        // A placeholder is a value that the reader of an example fills in.
        Value::String(text) if Target::of(name, text).is_some() || placeholder(name, text).is_some() => {
            *value = stand_in(name, text)
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(name, item)),
        Value::Object(members) => {
            if let Some(keys) = members.get_mut("apiKeys") {
                fill_in_api_keys(keys);
            }
            fill_in_key_pair(members);
            members
                .iter_mut()
                .for_each(|(name, member)| fill_in(name, member));
        }
        _ => {}
    }
}

/// API keys must be long and must differ from each other.
fn fill_in_api_keys(keys: &mut Value) {
    for (index, entry) in keys.as_array_mut().into_iter().flatten().enumerate() {
        for (name, stand_in) in [
            ("key", format!("placeholder-of-key-{index}")),
            ("keyHash", format!("{index:064x}")),
        ] {
            if let Some(value) = entry.get_mut(name)
                && is_elsewhere(name, value)
            {
                *value = stand_in.into();
            }
        }
    }
}

/// A private key and its certificate belong together. If one of them is a reference, both are replaced.
fn fill_in_key_pair(members: &mut Map<String, Value>) {
    let names = ["key", "cert", "certificate"];
    let some_elsewhere = names
        .iter()
        .any(|name| members.get(*name).is_some_and(|value| is_elsewhere(name, value)));
    if !some_elsewhere || !members.contains_key("key") {
        return;
    }
    let key = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    for (name, pem) in [
        ("key", key.as_str()),
        ("cert", CERTIFICATE),
        ("certificate", CERTIFICATE),
    ] {
        if let Some(value) = members.get_mut(name) {
            *value = pem.into();
        }
    }
    // The type of the referenced key is not known here.
    if members.get("algorithm").is_some_and(|name| name == "RS256") {
        members.remove("algorithm");
    }
}

fn is_elsewhere(name: &str, value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| Target::of(name, text).is_some())
}

/// A value that fits. Different texts get different values, since a plugin may demand that options differ.
pub(super) fn stand_in(name: &str, text: &str) -> Value {
    let own: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match name {
        "jwksFile" => JWKS.into(),
        "publicKey" => PUBLIC_KEY.into(),
        "url" | "jwksUrl" => format!("https://placeholder.invalid/{own}").into(),
        "path" => format!("/placeholder{own}").into(),
        // Long enough for every algorithm, both as base64 and as plain text.
        "signingSecret" => "A".repeat(88).into(),
        "secret" | "refreshTokenKey" => "A".repeat(32).into(),
        "ca" | "cert" | "key" => Value::Null,
        _ => format!("placeholder{own}").into(),
    }
}

/// A public key whose private key no longer exists.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const JWKS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}]}"#;

/// A P-256 key that protects nothing, in PKCS#8 without the frame of PEM.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9HMi054d4/rdyuZuif1Fv4coXeweZU0XtOqb1Sy7bkChRANCAATZ\
    aUNuU+Zwo810is4GTT70XyGiEaCrpadhQ4hpDadhjc5GdV39wic1KYjwFZEKpiToyR6EzS+XjfJQgsIG9Uwf";
/// A certificate of [`KEY`].
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUeUcZzpCE5zhPk7tiehrBcqJez+AwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLcGxhY2Vob2xkZXIwIBcNMjYxMTMwMTU0MDMwWhgPMjEyNjEx
MDYxNTQwMzBaMBYxFDASBgNVBAMMC3BsYWNlaG9sZGVyMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE2WlDblPmcKPNdIrOBk0+9F8hohGgq6WnYUOIaQ2nYY3ORnVd
/cInNSmI8BWRCqYk6MkehM0vl43yUILCBvVMH6NTMFEwHQYDVR0OBBYEFAj2aQnr
rQ0ZFzlFI76R/bmd5C51MB8GA1UdIwQYMBaAFAj2aQnrrQ0ZFzlFI76R/bmd5C51
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKFKCxrx5OSM/KSE
l+H8Xvu3wiLwM3XZzx0AVur/2bz+AiB4PHxQiqzpNyMXFqsipJdW9rAHFxuEHGBS
9sARi0T6LQ==
-----END CERTIFICATE-----
";
