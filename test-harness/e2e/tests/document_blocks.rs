//! Checks every block of YAML and every command in the documents, or requires a reason why it is not checked.
//!
//! If the kind of a block is not obvious, a comment before it states the kind:
//!
//! - `<!-- file: PATH -->`: the text of this file;
//! - `<!-- yaml: options of PLUGIN -->`: options to add to a working configuration of the plugin;
//! - `<!-- yaml: plugin -->`: all options of a plugin, under its name;
//! - `<!-- yaml: values -->`: values for Traefik's Helm chart;
//! - `<!-- yaml: other, WHAT -->`: something that no plugin reads;
//! - `<!-- run -->`, `<!-- run in: a directory with A and B -->`: commands that this test runs;
//! - `<!-- run by the end-to-end test NAME -->`: commands that this end-to-end test runs;
//! - `<!-- not run: REASON -->`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness_build::guests::Guest;
use harness_build::operator_tool;
use harness_build::tools::workspace_root;
use serde_json::{Value, json};

/// A fenced block and the comment before it.
struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    comment: String,
    text: String,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }
}

/// Returns all fenced blocks of README.md and docs/.
fn blocks() -> Vec<Block> {
    let root = workspace_root();
    let mut pages = vec![root.join("README.md")];
    markdown(&root.join("docs"), &mut pages);
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let (mut before, mut lines) = (String::new(), text.lines().enumerate());
        while let Some((number, line)) = lines.next() {
            let Some(language) = line.trim_start().strip_prefix("```") else {
                if !line.trim().is_empty() {
                    before = line.trim().to_owned();
                }
                continue;
            };
            let indent = line.len() - line.trim_start().len();
            let inside = lines.by_ref().map(|(_, line)| line);
            let inside: Vec<&str> = inside
                .take_while(|line| line.trim() != "```")
                .map(|line| line.get(indent..).unwrap_or_default())
                .collect();
            let comment = before
                .strip_prefix("<!-- ")
                .and_then(|it| it.strip_suffix(" -->"));
            found.push(Block {
                page: page.strip_prefix(root).unwrap().to_owned(),
                line: number + 1,
                language: language.to_owned(),
                comment: comment.unwrap_or_default().to_owned(),
                text: inside.join("\n") + "\n",
            });
            before.clear();
        }
    }
    found
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|it| it == "md") {
            found.push(path);
        }
    }
}

fn of_language(language: &str) -> impl Iterator<Item = Block> {
    blocks()
        .into_iter()
        .filter(move |block| block.language == language)
}

/// Returns what `oic-gateway check` reports about these files as one configuration.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        fs::write(path, text).unwrap();
    }
    let output = Command::new(operator_tool::program().unwrap())
        .args(["check", "--json"])
        .args(&paths)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap().to_owned();
        format!(
            "{}:{}: {}: {}",
            text("file"),
            finding["line"],
            text("severity"),
            text("message")
        )
    });
    findings.collect()
}

fn assert_no_errors(block: &Block, name: &str, text: &str) {
    let errors: Vec<String> = findings(&[(name, text)])
        .into_iter()
        .filter(|finding| finding.contains(": error: "))
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}\n{text}", block.place());
}

fn documents(block: &Block) -> Vec<Value> {
    serde_saphyr::from_multiple(&block.text).unwrap_or_else(|error| panic!("{}: {error}", block.place()))
}

#[test]
fn every_block_of_yaml_is_what_its_reader_takes() {
    let mut seen = 0;
    for block in of_language("yaml") {
        seen += 1;
        let documents = documents(&block);
        let (kind, rest) = block.comment.split_once(": ").unwrap_or(("", ""));
        match (kind, rest) {
            ("file", path) => {
                let file = fs::read_to_string(workspace_root().join(path)).unwrap();
                assert_eq!(
                    block.text.trim(),
                    file.trim(),
                    "{} differs from {path}",
                    block.place()
                );
                if path.ends_with("values.yml") {
                    check_values(&block, &documents[0]);
                } else {
                    check_whole(&block, &documents);
                }
            }
            ("yaml", "values") => check_values(&block, &documents[0]),
            ("yaml", "plugin") => {
                let file = json!({ "http": { "middlewares": { "m": { "plugin": documents[0] } } } });
                assert_no_errors(&block, "dynamic.yml", &file.to_string());
            }
            ("yaml", rest) if rest.starts_with("other, ") => {}
            ("yaml", rest) if rest.starts_with("options of ") => {
                check_options(&block, rest.trim_start_matches("options of "), &documents[0]);
            }
            _ => check_whole(&block, &documents),
        }
    }
    assert!(seen > 25, "{seen}");
}

/// Checks a file for Traefik, or Kubernetes manifests.
fn check_whole(block: &Block, documents: &[Value]) {
    let manifests = documents
        .iter()
        .all(|it| it["apiVersion"].is_string() && it["kind"].is_string());
    let first = documents[0].as_object().unwrap();
    let has = |names: &[&str]| names.iter().any(|name| first.contains_key(*name));
    let name = match (
        manifests,
        has(&["http", "tls"]),
        has(&["entryPoints", "experimental"]),
    ) {
        (true, ..) => "manifests.yml",
        (_, true, _) => "dynamic.yml",
        (.., true) => "traefik.yml",
        _ => panic!("{}: state its kind in a comment before the block", block.place()),
    };
    assert_no_errors(block, name, &block.text);
}

/// Checks options by adding them to a minimal configuration of the plugin.
fn check_options(block: &Block, plugin: &str, options: &Value) {
    let mut whole = match plugin {
        "jwt" => json!({ "jwksUrl": "https://idcs.example/keys", "issuers": ["https://idcs.example/"] }),
        "oAuthClientCredentials" => json!({
            "url": "https://idcs.example/token", "clientID": "env:ID", "clientSecret": "env:SECRET",
        }),
        "oAuthTokenExchange" => json!({
            "method": "jwtBearer", "url": "https://idcs.example/token", "clientID": "env:ID",
            "tokenEndpointAuthMethod": "private_key_jwt",
            "clientAssertion": { "key": "file:/key.pem", "keyId": "a" },
            // These are the issuers that the page names.
            "jwt": { "trustedIssuers": options["jwtBearer"]["users"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|users| users["issuers"].as_array())
                .flatten()
                .map(|issuer| json!({ "issuer": issuer, "jwksUrl": "https://idcs.example/keys" }))
                .collect::<Vec<_>>() },
        }),
        other => panic!("{}: the options of {other} are unknown", block.place()),
    };
    let add = options.as_object().unwrap().clone();
    whole.as_object_mut().unwrap().extend(add);
    let file = json!({ "http": { "middlewares": { "m": { "plugin": { plugin: whole } } } } });
    assert_no_errors(block, "dynamic.yml", &file.to_string());
}

/// Checks values for the chart: every plugin that the arguments register must exist, and so must every mounted
/// directory.
fn check_values(block: &Block, values: &Value) {
    let mounted: Vec<&str> = values["additionalVolumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    let arguments = values["additionalArguments"].as_array();
    for argument in arguments.into_iter().flatten().filter_map(Value::as_str) {
        let (name, value) = argument.split_once('=').unwrap();
        assert!(
            name.starts_with("--experimental."),
            "{}: {argument}",
            block.place()
        );
        if name.ends_with(".moduleName") {
            let known = Guest::ALL.iter().any(|guest| guest.module_name() == value);
            assert!(known, "{}: {argument}", block.place());
        }
        if name.ends_with(".settings.mounts") {
            for mount in value.split(',') {
                let directory = mount.split(':').next().unwrap();
                assert!(
                    mounted.contains(&directory),
                    "{}: {mount} is not mounted",
                    block.place()
                );
            }
        }
    }
}

#[test]
fn the_manifests_of_the_kubernetes_page_fit_together() {
    let texts: Vec<(String, String)> = of_language("yaml")
        .filter(|block| block.page.ends_with("kubernetes.md") && block.comment.contains("/manifests/"))
        .map(|block| (format!("{}.yml", block.line), block.text))
        .collect();
    assert_eq!(texts.len(), 4);
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
    let serious =
        |finding: &String| !finding.contains(": note: ") && !finding.contains("looks like a placeholder");
    let found: Vec<String> = findings(&files).into_iter().filter(serious).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_recommended_files_fit_together() {
    let file =
        |name: &str| fs::read_to_string(workspace_root().join("examples/recommended").join(name)).unwrap();
    let (settings, dynamic) = (file("traefik.yml"), file("dynamic.yml"));
    let found = findings(&[("traefik.yml", &settings), ("dynamic.yml", &dynamic)]);
    let serious =
        |finding: &&String| !finding.contains(": note: ") && !finding.contains("looks like a placeholder");
    assert_eq!(
        found.iter().filter(serious).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

/// The programs that commands in the documents may call.
const PROGRAMS: [&str; 20] = [
    "cat",
    "curl",
    "cut",
    "date",
    "docker",
    "echo",
    "export",
    "helm",
    "install",
    "kill",
    "kubectl",
    "mkdir",
    "mv",
    "oic-gateway",
    "openssl",
    "printf",
    "python3",
    "sleep",
    "traefik",
    "unzip",
];

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let code = {
        let mut paths = Vec::new();
        rust(&workspace_root().join("test-harness"), &mut paths);
        let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
        texts.collect::<Vec<_>>().join("\n")
    };
    let mut seen = 0;
    for block in of_language("sh") {
        seen += 1;
        let place = block.place();
        assert!(
            shell(&["-n"], &block.text, None),
            "{place}: not valid shell syntax"
        );
        known_programs(&block);
        let (kind, rest) = block.comment.split_once(": ").unwrap_or((&block.comment, ""));
        let folder = tempfile::tempdir().unwrap();
        match (kind, rest) {
            ("not run", reason) => assert!(!reason.is_empty(), "{place}"),
            ("run", "") => assert!(
                shell(&["-euo", "pipefail"], &block.text, Some(folder.path())),
                "{place}"
            ),
            ("run in", rest) => {
                for name in rest.trim_start_matches("a directory with ").split(" and ") {
                    fs::create_dir_all(folder.path().join(name)).unwrap();
                }
                assert!(
                    shell(&["-euo", "pipefail"], &block.text, Some(folder.path())),
                    "{place}"
                );
            }
            // An end-to-end test runs the whole page.
            _ if block.page.ends_with("quick-start.md") => {}
            (kind, _) => {
                let test = kind.strip_prefix("run by the end-to-end test ");
                let test =
                    test.unwrap_or_else(|| panic!("{place}: a comment must say how this is run, or why not"));
                assert!(
                    code.contains(&format!("fn {test}()")),
                    "{place}: test {test} does not exist"
                );
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Checks that each command starts with a known program, and that each command of `oic-gateway` exists.
fn known_programs(block: &Block) {
    let (mut continued, mut until) = (false, None::<String>);
    for line in block.text.lines() {
        if let Some(end) = &until {
            if line == *end {
                until = None;
            }
            continue;
        }
        until = line
            .split_once("<<'")
            .and_then(|(_, end)| end.split('\'').next())
            .map(str::to_owned);
        let begins = !std::mem::replace(&mut continued, line.ends_with('\\'));
        let mut words = line.split_whitespace().skip_while(|word| {
            // Skip variables that are set.
            word.split_once('=')
                .is_some_and(|(name, _)| !name.starts_with('-'))
        });
        let Some(program) = words.next().filter(|_| begins && !line.starts_with("    ")) else {
            continue;
        };
        if line.contains("=$(") || line.contains("() {") || program == "umask" {
            continue;
        }
        let program = program.trim_start_matches("./");
        assert!(
            PROGRAMS.contains(&program),
            "{}: {program} is not a known program",
            block.place()
        );
        if program == "oic-gateway" {
            let command = words.next().unwrap_or_default();
            let known = ["check", "status", "login", "schema", "completions", "man"];
            assert!(
                known.contains(&command),
                "{}: oic-gateway {command}",
                block.place()
            );
        }
    }
}

fn rust(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// Returns whether bash runs this text successfully.
fn shell(options: &[&str], text: &str, folder: Option<&Path>) -> bool {
    let mut command = Command::new("bash");
    command.args(options).args(["-c", text]);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command.status().unwrap().success()
}
