//! Compares what `check` reads from files with what a running Traefik loads through its file provider. The tables cover
//! accepted and rejected spellings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::traefik::Traefik;
use serde_json::{Value, json};

use crate::support::tool::oic_gateway;

/// Files that Traefik loads. `N` in a name becomes the number of the case, so that Traefik can load all cases together.
const ACCEPTED: &[&str] = &[
    // Lists of names.
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: [a, b]}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: 'a,b'}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: 'a , b,c@file'}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: ['a,b']}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: [' a ']}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: [1, true]}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: [1.5, no]}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: {a: b}}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: []}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: ~}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, middlewares: ''}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, entryPoints: web}}}",
    "http: {routers: {rN: {rule: Path(`/`), middlewares: a}, childN: {rule: Path(`/`), service: s, parentRefs: 'rN'}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, ruleSyntax: v2, priority: 0x10}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, priority: '17'}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: no}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: 12}}}",
    // Capitals.
    "HTTP: {Routers: {RN: {RULE: Path(`/`), Service: s, MiddleWares: [a]}}}",
    "HTTP: {routers: {aN: {rule: Path(`/a`), service: s}, bN: {rule: Path(`/b`), service: s}}}\nhttp: {routers: {aN: {rule: \
     Path(`/c`), service: t}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s, Middlewares: [a], middlewares: [b]}}}",
    // Anchors, merges, documents.
    "x: &x {rule: Path(`/`), service: s, middlewares: [a]}\nhttp: {routers: {rN: {<<: *x, service: t}, qN: *x}}",
    "x: &x {service: a, rule: Path(`/`)}\ny: &y {service: b, middlewares: [c]}\nhttp: {routers: {rN: {<<: [*x, *y]}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s}}}\n---\nhttp: {routers: {secondN: {rule: Path(`/`), service: s}}}",
    "http: {routers: {rN: {rule: Path(`/`), service: s}}}\n---\n{ not: [yaml",
    "---\n---\nhttp: {routers: {secondN: {rule: Path(`/`), service: s}}}",
    "\u{feff}http: {routers: {rN: {rule: Path(`/`), service: s}}}",
    "# nothing",
    "http: ~",
    // Names that are not strings.
    "http: {middlewares: {mN: {compress: {}}, n-mN: ~}}",
    "http: {middlewares: {mN: {Chain: {middlewares: 'a,b'}}}}",
    "http: {middlewares: {mN: {}, emptyN: text}}",
    // Services.
    "http: {services: {sN: {loadBalancer: {servers: [{url: 'http://a:1'}, {URL: 'http://b'}]}}}}",
    "http: {services: {sN: {loadBalancer: {servers: {url: 'http://a:1'}}}}}",
    "http: {services: {sN: {weighted: {services: [{name: a, weight: 1}]}}, tN: {loadbalancer: {servers: []}}}}",
    // Options of plugins.
    "http: {middlewares: {mN: {plugin: {p: {requireExp: no, a: true, b: True, c: 'true', d: on, e: y}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {list: [y, no, on], one: y, mixed: [a, 1, true]}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {secret: 12345678, oct: 0777, oct2: 0o17, hex: 0x1F, bin: 0b11, big: 1_000}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {f: 1.5, g: 1e3, h: .5, i: 1., j: 08, k: +1, l: -0x10, m: 1.0000001, n: 1e21}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {inf: .inf, minus: -.Inf, nan: .nan, u: 18446744073709551615}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {ints: [1, 2], floats: [1.5, 2], bools: [true, false], huge: [9007199254740993]}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {null: ~, empty: {}, none: [], text: '', x: null}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {date: '2024-01-01', near: 2024-13-01, clock: 12:30, dotted: 1.2.3}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {tags: !!str 12, q: !!int '3', c: !custom x, f: !!float 3}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {block: {list: [a, b], n: 1}, deep: {deeper: {list: [1, 2]}}}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {rules: [{path: /a, scopes: [x, y]}, {path: /b, n: 1}]}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {jwt: {rules: [{path: /a, scopes: [x, y]}]}}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {one: {two: [{three: [{four: [1, 2]}], five: {six: [true]}}]}}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {a: {a: x, b: y}}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {a: {a: {a: [x]}, b: [y]}}}}}}",
    "http:\r\n  routers:\r\n    rN:\r\n      rule: Path(`/`)\r\n      middlewares:\r\n      - a\r\n      - b\r\n      service: s\r\n",
    "http: {routers: {rN: {rule: Path(`/`), service: s}}}\n...\nhttp: [",
    "%YAML 1.1\n---\nhttp: {routers: {rN: {rule: Path(`/`), service: s}}}",
    "http: {middlewares: {mN: {plugin: {p: {a: [{}, {b: c}]}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {a: [x, {b: c}]}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {CaseStays: a, casestays: b}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {1: a, yes: b, on: c}}}}}",
    "http: {middlewares: {mN: {plugin: {p: {}}}}}",
    "http: {middlewares: {mN: {plugin: {p: text}}}}",
    "http: {middlewares: {mN: {plugin: {p: {a: x}, q: {b: y}}}}}",
    "http:\n  middlewares:\n    mN:\n      plugin:\n        p:\n          folded: >\n            a\n            b\n          literal: |\n            a\n            b\n          quoted: \"\\u0041\\n\"\n          plain: a # comment\n          hash: a#b\n",
];

/// The same for TOML.
const ACCEPTED_TOML: &[&str] = &[
    "[HTTP.routers.rN]\nrule = 'Path(`/`)'\nservice = 's'\nmiddlewares = 'a,b'\n",
    "[http.routers.rN]\nrule = 'Path(`/`)'\nservice = 's'\nMiddlewares = ['a', 'b']\n",
    "[http.middlewares.mN.plugin.p]\ni = 1_000\nf = 1.5\nb = true\nlist = [1, 2]\nhex = 0x1F\nrules = [{path = '/a', scopes = ['x']}]\n",
    "[[http.services.sN.loadBalancer.servers]]\nurl = 'http://a'\n[[http.services.sN.loadBalancer.servers]]\nurl = 'http://b'\n",
];

/// Files that Traefik rejects as a whole.
const REFUSED: &[&str] = &[
    "http: {routers: {r: {rule: Path(`/`), middleware: [a]}}}",
    "http: {routers: {r: {rule: Path(`/`), middlewares: [{name: a}]}}}",
    "http: {router: {r: {rule: Path(`/`)}}}",
    "http: {routers: {r: {rule: {a: b}}}}",
    "http: {routers: {r: {rule: Path(`/`), priority: high}}}",
    "http: {routers: {}}",
    "http: {}",
    "http: text",
    "http: {middlewares: {m: {plugin: {p: ~}}}}",
    "http: {middlewares: {m: {plugin: {}}}}",
    "http: {middlewares: {m: {chain: {}}}}",
    "http: {middlewares: {m: {chain: {names: [a]}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: [2024-01-01]}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: 2024-01-01}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: 2024-1-2 3:4:5}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: [~]}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: [[x]]}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: [true, 1]}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: [1.5, true]}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: 1, a: 2}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: 1, 'a': 2}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: !!int x}}}}}",
    "http: {middlewares: {m: {plugin: {p: {a: *nobody}}}}}",
    "http: {middlewares: {m: {plugin: {p: {<<: 1}}}}}",
    "http: {routers: {r: {rule: a\n",
    "http:\n\trouters: {}\n",
    "[a, b]",
    "text",
    "http: {middlewares: {m: {plugin: {p: {a: {{ b }}}}}}}",
];

#[test]
fn check_reads_what_traefik_reads() {
    let mut traefik = Traefik::builder().start().unwrap();
    let folder = traefik.dir().join("dynamic");
    let cases = ACCEPTED.iter().map(|text| ("yml", text));
    let cases = cases.chain(ACCEPTED_TOML.iter().map(|text| ("toml", text)));
    let files: Vec<_> = cases
        .enumerate()
        .map(|(index, (extension, text))| {
            let file = folder.join(format!("case{index}.{extension}"));
            // Only the names from the tables end with these characters.
            let text = ["}", ":", "]", ",", "'", "\n", "."]
                .iter()
                .fold((*text).to_owned(), |text, end| {
                    ["r", "q", "a", "b", "R", "s", "t", "m", "child", "second", "empty"]
                        .iter()
                        .fold(text, |text, name| {
                            text.replace(&format!("{name}N{end}"), &format!("{name}case{index}x{end}"))
                        })
                });
            fs::write(&file, &text).unwrap();
            (index, file, text)
        })
        .collect();
    traefik.write_dynamic("").unwrap();
    // The first configuration may have become active before Traefik had listed all the files. When it reads this one,
    // it lists all of them.
    traefik.write_dynamic("").unwrap();
    let raw = traefik.api("/api/rawdata").unwrap();

    let mut differences = Vec::new();
    let here = loaded(files.iter().map(|(_, file, _)| file.as_path()));
    for ((index, _, text), here) in files.iter().zip(here) {
        let mark = format!("case{index}x");
        match here {
            Ok(here) => {
                let (here, there) = (of_check(&here), of_traefik(&raw, &mark));
                if here != there {
                    differences.push(format!("{text}\ncheck:   {here}\nTraefik: {there}"));
                }
            }
            Err(finding) => differences.push(format!("{text}\n{finding}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn check_refuses_what_traefik_refuses() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let traefik = Traefik::builder().start().unwrap();
    for (index, text) in REFUSED.iter().enumerate() {
        let name = format!("refused{index}.yml");
        let file = traefik.dir().join("dynamic").join(&name);
        fs::write(&file, text).unwrap();
        let started = Instant::now();
        let is_refused = |line: &str| line.contains(&name) && line.contains("\"level\":\"error\"");
        while !traefik.log().lines().any(is_refused) {
            assert!(started.elapsed() < PATIENCE, "Traefik accepts {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let refusal = loaded([file.as_path()].into_iter());
        assert!(
            matches!(refusal.as_slice(), [Err(_)]),
            "Traefik rejects {text}: {refusal:?}"
        );
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn of_two_files_with_the_same_name_in_them_the_first_counts() {
    let mut traefik = Traefik::builder().start().unwrap();
    let folder = traefik.dir().join("dynamic");
    let files = ["a", "b"].map(|name| {
        let file = folder.join(format!("{name}.yml"));
        let text = format!("http: {{routers: {{twice: {{rule: Path(`/{name}`), service: noop@internal}}}}}}");
        fs::write(&file, text).unwrap();
        file
    });
    traefik.write_dynamic("").unwrap();
    let raw = traefik.api("/api/rawdata").unwrap();
    assert_eq!(raw["routers"]["twice@file"]["rule"], "Path(`/a`)", "{raw}");
    let output = oic_gateway()
        .args(["check", "--json"])
        .args(&files)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report}");
    assert!(
        findings[0]["file"].as_str().unwrap().ends_with("b.yml"),
        "{report}"
    );
}

/// Returns what the tool thinks that Traefik loads from each of these files, or why Traefik rejects the file.
fn loaded<'f>(files: impl Iterator<Item = &'f Path>) -> Vec<Result<Value, String>> {
    let output = oic_gateway()
        .args(["check", "--loaded"])
        .args(files)
        .output()
        .unwrap();
    let files: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let outcome = |file: &Value| match file.get("loaded") {
        Some(loaded) => Ok(loaded.clone()),
        None => Err(file["refused"].as_str().unwrap().to_owned()),
    };
    files.iter().map(outcome).collect()
}

/// Summarizes the objects that are compared on both sides.
fn summary(router: impl Fn(&str, &str) -> Value, names: impl Fn(&str) -> BTreeSet<String>) -> Value {
    let mut found = json!({ "routers": {}, "middlewares": {}, "services": {} });
    for name in names("routers") {
        let settings = router("routers", &name);
        let mut known = json!({});
        for list in ["middlewares", "parentRefs"] {
            let items = settings[list].as_array().cloned().unwrap_or_default();
            known[list] = items
                .iter()
                .map(|item| qualified(item.as_str().unwrap()))
                .collect();
        }
        for text in ["rule", "ruleSyntax"] {
            known[text] = settings[text].as_str().unwrap_or_default().into();
        }
        known["service"] = settings["service"]
            .as_str()
            .map(qualified)
            .unwrap_or_default()
            .into();
        found["routers"][&name] = known;
    }
    for name in names("middlewares") {
        let settings = router("middlewares", &name);
        let kinds = settings.as_object().unwrap().keys();
        let kinds: Vec<&String> = kinds
            .filter(|it| !["status", "usedBy", "error", "name", "provider"].contains(&it.as_str()))
            .collect();
        let chain = settings["chain"]["middlewares"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let chain: Value = chain
            .iter()
            .map(|item| qualified(item.as_str().unwrap()))
            .collect();
        found["middlewares"][&name] = json!({ "kinds": kinds, "plugin": settings["plugin"], "chain": chain });
    }
    for name in names("services") {
        let settings = router("services", &name);
        let servers = settings["loadBalancer"]["servers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let parts = settings["weighted"]["services"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let names: Vec<&Value> = parts.iter().map(|part| &part["name"]).collect();
        let urls: Vec<&str> = servers
            .iter()
            .map(|server| server["url"].as_str().unwrap_or_default())
            .collect();
        found["services"][&name] = json!({ "urls": urls, "parts": names });
    }
    found
}

fn of_check(loaded: &Value) -> Value {
    let members = |kind: &str| loaded["http"][kind].as_object().cloned().unwrap_or_default();
    summary(
        |kind, name| members(kind)[name].clone(),
        |kind| members(kind).keys().cloned().collect(),
    )
}

fn of_traefik(raw: &Value, mark: &str) -> Value {
    let names = |kind: &str| {
        let all = raw[kind].as_object().cloned().unwrap_or_default();
        all.keys()
            .filter(|name| name.contains(mark))
            .map(|name| name.trim_end_matches("@file").to_owned())
            .collect()
    };
    summary(|kind, name| raw[kind][format!("{name}@file")].clone(), names)
}

fn qualified(name: &str) -> String {
    match name.contains('@') {
        true => name.to_owned(),
        false => format!("{name}@file"),
    }
}
