//! `login`: a user allows the gateway to call on the user's behalf.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use clap::{ArgGroup, Args};
use middleware::SecretRef;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::Value;

use super::interrupt;
use crate::check::yaml::first_document;
use crate::login::{DeviceCode, Login, Place, Request};

/// Logs a user in, in whose name the gateway then calls: for `grant: refreshToken` (OAuth 2.0 device flow, RFC 8628)
///
/// URL, client ID, scopes and key must be those of the middleware. The login is kept, encrypted, in the plugin's state
/// directory or in its store.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("place").required(true).args(["state_directory", "store"])), after_help = "\
Exit codes:
  0  the user is logged in
  1  the user is not logged in; nothing has changed
  2  the command line is wrong")]
pub(super) struct Options {
    /// The token endpoint: the option `url`
    #[arg(long, value_name = "URL")]
    url: String,
    /// The device authorization endpoint [default: --url with `device` instead of `token` at its end]
    #[arg(long, value_name = "URL")]
    device_url: Option<String>,
    /// The client ID: the option `clientID`
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Where the client secret is, if the client has one: env:NAME or file:/path
    #[arg(long, value_name = "REF", value_parser = reference)]
    client_secret: Option<SecretRef>,
    /// A scope, without offline_access; repeat the option for several: the option `scopes`
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// The plugin's state directory, which must survive a restart of the machine
    #[arg(long, value_name = "DIR")]
    state_directory: Option<PathBuf>,
    /// Instead of --state-directory, for several machines: a YAML file with the middleware's block `store`
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Where the value of `refreshTokenKey` is: env:NAME or file:/path
    #[arg(long, value_name = "REF", default_value = "env:OIC_REFRESH_TOKEN_KEY", value_parser = reference)]
    key: SecretRef,
    /// A PEM file with the private authority that issued the provider's certificate
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Parses a reference to a secret. The secret itself would appear in the shell's history and in the list of processes.
fn reference(text: &str) -> Result<SecretRef, String> {
    match text.split_once(':') {
        Some(("env" | "file", rest)) if !rest.is_empty() => Ok(SecretRef::new(text)),
        // Do not repeat the value: it may be the secret.
        _ => Err("must be env:NAME or file:/path, never the secret itself".to_owned()),
    }
}

pub(super) fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let interrupted = interrupt::flag()?;
    known("--key", options.key.expose())?;
    if let Some(secret) = &options.client_secret {
        known("--client-secret", secret.expose())?;
    }
    let ca = match options.ca {
        Some(file) => Some(SecretRef::new(format!(
            "file:{}",
            std::path::absolute(file)?.display()
        ))),
        None => None,
    };
    let place = match (options.state_directory, options.store) {
        (Some(directory), _) => Place::Directory(directory),
        (None, Some(file)) => Place::Store(store(&file)?),
        (None, None) => return Err("--state-directory or --store is required".into()),
    };
    let request = Request {
        place,
        url: options.url,
        device_url: options.device_url,
        client_id: options.client_id,
        client_secret: options.client_secret,
        scopes: options.scopes,
        key: options.key,
        ca,
    };
    let kept_in = request.place.to_string();
    let login = Login::prepare(request, |event| {
        anstream::eprintln!("warning: {}", event.line());
    })?;
    let code = login.start()?;
    anstream::print!("{}", invitation(&code, SystemTime::now()));
    let user = login.finish(&code, &mut |span| {
        let end = Instant::now() + span;
        while Instant::now() < end && !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())));
        }
        !interrupted.load(Ordering::Relaxed)
    })?;
    let user = user.map_or_else(|| "allowed".to_owned(), |user| format!("allowed by {user}"));
    anstream::println!(
        "\nDone: {user}. The gateway uses the login from its next request on; no restart is needed.\n\
         The login is kept, encrypted, in {kept_in}."
    );
    Ok(())
}

/// Reads the block `store`, with or without its name.
fn store(file: &Path) -> Result<Value, String> {
    let failed = |error: String| format!("{} cannot be read: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let value = first_document(&text).map_err(failed)?;
    let block = value.get("store").cloned().unwrap_or(value);
    each_known("", &block).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(block)
}

/// Checks all references in the block `store`.
fn each_known(option: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => known(option, text),
        Value::Array(items) => items.iter().try_for_each(|item| each_known(option, item)),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| each_known(name, member)),
        _ => Ok(()),
    }
}

/// Checks that a reference can be resolved here. The plugins' own errors are about Traefik's configuration.
fn known(option: &str, text: &str) -> Result<(), String> {
    if text.starts_with("urn:k8s:secret:") {
        return Err(format!(
            "{option}: {text} works only in Traefik: write env:NAME or file:/path here, with the value of the Secret in the \
             variable or the file"
        ));
    }
    match text.strip_prefix("env:") {
        Some(name) if std::env::var_os(name).is_none_or(|value| value.is_empty()) => Err(format!(
            "{option}: the environment variable {name} is not set: export it in the shell that runs this command"
        )),
        _ => Ok(()),
    }
}

/// Tells the user what to do, and until when.
fn invitation(code: &DeviceCode, now: SystemTime) -> String {
    let target = code
        .verification_uri_complete
        .as_ref()
        .unwrap_or(&code.verification_uri);
    // Light on dark, like most terminals. QR code readers accept both.
    let picture = QrCode::new(target)
        .map(|code| {
            code.render::<Dense1x2>()
                .dark_color(Dense1x2::Light)
                .light_color(Dense1x2::Dark)
                .build()
        })
        .unwrap_or_default();
    let minutes = match code.expires_in.as_secs().div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    };
    let end = now.checked_add(code.expires_in).unwrap_or(now);
    format!(
        "Log in as the user in whose name the gateway will call.\n\n    open   {}\n    enter  {}\n\n{picture}\n\n\
         Waiting until {} ({minutes}). Ctrl-C ends it and changes nothing.\n",
        code.verification_uri,
        code.user_code,
        humantime::format_rfc3339_seconds(end),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_and_never_given() {
        for good in ["env:KEY", "file:/run/secrets/key"] {
            assert_eq!(reference(good).unwrap().expose(), good);
        }
        for bad in ["hunter2", "env:", "file:", "urn:k8s:secret:a:b", ""] {
            let error = reference(bad).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
