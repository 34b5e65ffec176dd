//! `examples/user-context` without changes, with the real `oic-gateway login`.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::idcs::{Application, Idcs, IdcsHandle};
use harness::oic::OicBuilder;

use super::{JANE, KEY, scope};
use crate::support::example::{ExampleBuilder, text_of};
use crate::support::tool::login;

/// Runs `login` while a user answers the mock's page, and returns its output.
fn login_with(idcs: &IdcsHandle, arguments: &[&str], ca: &Path, action: &str) -> (bool, String) {
    let ca = ca.display().to_string();
    let arguments = [arguments, &["--ca", &ca]].concat();
    login(arguments, KEY, |child, code| {
        if action == "interrupt" {
            let interrupt = ["-INT", &child.id().to_string()];
            assert!(Command::new("kill").args(interrupt).status().unwrap().success());
            return;
        }
        let client = Client::trusting(&CertificateAuthority::shared().ca_pem());
        let form = [("user_code", code), ("user", JANE), ("action", action)];
        let page = client.post(&idcs.device_page_url()).form(&form).send().unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
    })
}

#[test]
fn the_example_calls_in_the_name_of_the_user_who_logged_in() {
    let idcs = Idcs::builder()
        .set(|switches| switches.device_interval = Some(1))
        .start();
    let of_users = |oic: OicBuilder| {
        oic.service_invoker(JANE)
            .set(|switches| switches.require_user_context = vec!["/ic/api/".to_owned()])
    };
    let example = ExampleBuilder::with_oic("user-context", idcs, of_users)
        .name("# clientConfig:", "clientConfig:")
        .env("OIC_CLIENT_ID", Application::DEVICE_ID)
        .env("OIC_REFRESH_TOKEN_KEY", KEY)
        .start();
    let (idcs, state) = (&example.idcs, example.state());
    let ca = state.join("ca.pem");
    let ask = || {
        let token = idcs.client_token().mint();
        example.get("/echo/orders/7").bearer(&token).send().unwrap()
    };
    let before = ask();
    assert_eq!(
        (before.status, before.json()["reason"].as_str()),
        (503, Some("user_grant_lost"))
    );

    let (url, scope, directory) = (idcs.token_url(), scope(), state.display().to_string());
    let arguments = [
        "--url",
        &url,
        "--client-id",
        Application::DEVICE_ID,
        "--scope",
        &scope,
        "--state-directory",
        &directory,
    ];
    // The command in the README has the same arguments.
    let readme = text_of("user-context/README.md");
    for argument in arguments.iter().filter(|argument| argument.starts_with("--")) {
        assert!(readme.contains(argument), "{argument}");
    }
    let (good, said) = login_with(idcs, &arguments, &ca, "deny");
    assert!(
        !good && said.contains("denied in the browser; nothing has changed"),
        "{said}"
    );
    assert_eq!(ask().status, 503);

    let (good, said) = login_with(idcs, &arguments, &ca, "interrupt");
    assert!(
        !good && said.contains("error: interrupted; nothing has changed"),
        "{said}"
    );
    assert_eq!(ask().status, 503);

    let (good, said) = login_with(idcs, &arguments, &ca, "allow");
    assert!(good && said.contains(&format!("allowed by {JANE}")), "{said}");
    assert!(!said.contains("eyJ"), "a token: {said}");
    let longest = said
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(str::len)
        .max();
    assert!(longest < Some(32), "a token: {said}");

    let answer = ask();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], JANE);
    assert_eq!(
        example.oic.last_request().unwrap().path,
        "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/orders/7"
    );
    for entry in fs::read_dir(state).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap_or_default();
        assert!(!target.to_string_lossy().contains(JANE), "{}", target.display());
    }
}

#[test]
fn login_says_what_is_wrong_before_anybody_is_asked_for_anything() {
    let idcs = Idcs::start();
    let (files, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ca = CertificateAuthority::shared().write_ca_pem(files.path()).unwrap();
    let (url, scope, directory) = (idcs.token_url(), scope(), state.path().display().to_string());
    let good = [
        "--url",
        &url,
        "--client-id",
        Application::DEVICE_ID,
        "--scope",
        &scope,
        "--state-directory",
        &directory,
    ];
    for (replaced, by, expected) in [
        (7, "/nowhere", "the state directory cannot be used"),
        (1, "idcs/token", "url: must be an absolute URL"),
        (
            3,
            "nobody",
            "does not start the device flow: status 401, error: invalid_client",
        ),
        (
            5,
            "nonsense",
            "does not start the device flow: status 400, error: invalid_scope",
        ),
    ] {
        let mut arguments = good;
        arguments[replaced] = by;
        let (success, said) = login_with(&idcs, &arguments, &ca, "allow");
        assert!(!success && said.contains(expected), "{by}: {said}");
    }
    for (key, expected) in [
        (KEY, "must be env:NAME or file:/path, never the secret itself"),
        ("env:NOT_SET", "NOT_SET"),
    ] {
        let arguments = [&good[..], &["--key", key]].concat();
        let (success, said) = login_with(&idcs, &arguments, &ca, "allow");
        assert!(!success && said.contains(expected), "{said}");
    }
    assert_eq!(idcs.token_calls(), 0);
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
}
