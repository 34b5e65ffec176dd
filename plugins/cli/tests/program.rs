//! Runs the tool like a user, and checks its output and exit codes.

#![allow(clippy::unwrap_used)] // a failing helper fails the test

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const GOOD: &str = "http: {middlewares: {j: {plugin: {jwt: {jwksUrl: 'https://i/k', audiences: a}}}}}\n";
const WRONG: &str = "http: {middlewares: {j: {plugin: {jwt: {jwksURL: 'https://i/k', audiences: a}}}}}\n";

fn tool() -> Command {
    Command::new(env!("CARGO_BIN_EXE_oic-gateway"))
}

fn run(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = tool().args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn check_ends_with_0_1_or_2_and_prints_plain_text_into_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.yml"), GOOD).unwrap();
    std::fs::write(folder.path().join("wrong.yml"), WRONG).unwrap();
    let check = |arguments: &[&str]| run(&[&["check"], arguments].concat(), folder.path());
    assert_eq!(
        check(&["good.yml"]),
        (0, "nothing found\n".to_owned(), String::new())
    );
    let (code, said, _) = check(&["wrong.yml"]);
    assert_eq!(
        (code, said.as_str()),
        (
            1,
            "wrong.yml:1:41: error: jwksURL is not an option of this plugin; did you mean `jwksUrl`? \
             [docs/options.md#jwt]\n1 error\n"
        )
    );
    let (code, said, _) = check(&["missing.yml"]);
    assert!(
        code == 1 && said.contains("missing.yml:1:1: error: cannot be read"),
        "{said}"
    );
    assert_eq!(check(&[]).0, 2);
    assert_eq!(check(&["--no-such-option", "good.yml"]).0, 2);

    let (code, said, _) = check(&["--json", "wrong.yml"]);
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &shown["errors"], &shown["findings"][0]["column"]),
        (1, &json!(1), &json!(41))
    );
}

#[test]
fn watch_prints_what_is_new_and_what_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamic.yml");
    std::fs::write(&file, WRONG).unwrap();
    let mut child = tool()
        .args(["check", "--watch"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("Z  1 error"));
    assert!(next().contains("jwksURL is not an option"));
    // The file becomes longer, so that file systems with coarse times show the change too.
    std::fs::write(&file, format!("{GOOD}\n")).unwrap();
    assert!(next().ends_with("Z  nothing found"));
    let gone = next();
    assert!(gone.starts_with("gone: ") && gone.contains("jwksURL"), "{gone}");
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn status_fails_where_a_resource_is_down_or_the_directory_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let status = |arguments: &[&str]| run(&[&["status"], arguments].concat(), folder.path());
    let (code, said, _) = status(&["."]);
    assert!(
        code == 0 && said.starts_with("Nothing here: no key set or token yet"),
        "{said}"
    );
    let (code, _, said) = status(&["missing"]);
    assert!(
        code == 2 && said.starts_with("error: missing cannot be read"),
        "{said}"
    );
    let record = r#"1:{"kind":"token","url":"https://idcs/token","failures":2,"last_error":"status 503"}"#;
    std::os::unix::fs::symlink(record, folder.path().join("token-1.status")).unwrap();
    let (code, said, _) = status(&["."]);
    assert!(
        code == 1 && said.contains("down") && said.contains("status 503"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    let (code, said, _) = status(&["--json", "."]);
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (
            code,
            &shown["resources"][0]["name"],
            &shown["resources"][0]["state"]
        ),
        (1, &json!("token-1"), &json!("down"))
    );
    let (_, said, _) = status(&["--prometheus", "."]);
    assert!(
        said.contains(
            "oic_gateway_resource_up{name=\"token-1\",kind=\"token\",url=\"https://idcs/token\"} 0"
        ),
        "{said}"
    );
    assert_eq!(status(&["--json", "--prometheus", "."]).0, 2);
}

#[test]
fn login_says_where_its_secrets_must_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let login = |arguments: &[&str]| {
        let fixed = [
            "login",
            "--url",
            "https://i/token",
            "--client-id",
            "a",
            "--scope",
            "s",
        ];
        run(&[&fixed, arguments].concat(), folder.path())
    };
    let (code, _, said) = login(&["--state-directory", ".", "--key", "env:NO_SUCH_KEY"]);
    assert!(
        code == 1 && said.contains("--key: the environment variable NO_SUCH_KEY is not set: export it"),
        "{said}"
    );
    assert!(!said.contains("settings.envs"), "{said}");
    let store = "store:\n  secret: urn:k8s:secret:oic-store:secret\n  redis: {endpoints: ['redis:6379']}\n";
    std::fs::write(folder.path().join("store.yml"), store).unwrap();
    let (code, _, said) = login(&["--store", "store.yml", "--key", "env:PATH"]);
    assert!(
        code == 1 && said.contains("secret: urn:k8s:secret:oic-store:secret works only in Traefik"),
        "{said}"
    );
    let (code, _, said) = login(&[]);
    assert!(
        code == 2 && said.contains("<--state-directory <DIR>|--store <FILE>>"),
        "{said}"
    );
}

#[test]
fn manual_pages_completions_and_schemas_are_written() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "fish", "zsh"] {
        let (code, said, _) = run(&["completions", shell], folder.path());
        assert!(code == 0 && said.contains("prometheus"), "{shell}");
    }
    assert_eq!(run(&["man", "--out", "man1"], folder.path()).0, 0);
    let page = std::fs::read_to_string(folder.path().join("man1/oic-gateway-check.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
    assert_eq!(run(&["schema", "--out", "schemas"], folder.path()).0, 0);
    assert!(folder.path().join("schemas/jwt.schema.json").exists());
}
