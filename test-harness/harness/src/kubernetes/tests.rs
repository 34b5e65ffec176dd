//! Tests of the behaviour that Traefik's client relies on, with a plain HTTP client.

use std::io::{BufRead as _, BufReader};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::certificates::install_crypto_provider;

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: creds, namespace: apps}
stringData: {id: me, both: written}
data: {both: b2xk, other: eA==}
---
apiVersion: v1
kind: Secret
metadata: {name: release, labels: {owner: helm}}
data: {}
";

/// Reads the events of a watch one by one.
struct Watch(BufReader<reqwest::blocking::Response>);

impl Watch {
    fn open(server: &ApiServer, path: &str) -> Self {
        let answer = ask(server, path);
        assert_eq!(answer.status(), 200, "{path}");
        Self(BufReader::new(answer))
    }

    /// Returns the type and the object of the next event, or `None` at the end.
    fn next(&mut self) -> Option<(String, Value)> {
        let mut line = String::new();
        if self.0.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let mut event: Value = serde_json::from_str(&line).unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        Some((kind, event["object"].take()))
    }

    fn expect(&mut self, kind: &str, name: &str) -> Value {
        let (found, object) = self.next().unwrap();
        assert_eq!(
            (found.as_str(), object["metadata"]["name"].as_str()),
            (kind, Some(name))
        );
        object
    }

    /// Expects a bookmark and returns its version. The initial events end with it.
    fn expect_bookmark(&mut self, kind: &str) -> String {
        let (found, object) = self.next().unwrap();
        assert_eq!((found.as_str(), &object["kind"]), ("BOOKMARK", &kind.into()));
        assert_eq!(
            object["metadata"]["annotations"]["k8s.io/initial-events-end"],
            "true"
        );
        object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }
}

fn ask(server: &ApiServer, path: &str) -> reqwest::blocking::Response {
    install_crypto_provider();
    reqwest::blocking::get(format!("{}{path}", server.url())).unwrap()
}

fn get(server: &ApiServer, path: &str) -> (u16, Value) {
    let answer = ask(server, path);
    (answer.status().as_u16(), answer.json().unwrap())
}

#[test]
fn a_secret_is_kept_as_an_api_server_keeps_it() {
    let server = ApiServer::start();
    server.apply(SECRET).unwrap();
    let (status, list) = get(&server, "/api/v1/secrets?limit=500&resourceVersion=0");
    assert_eq!((status, &list["kind"]), (200, &"SecretList".into()));
    let items = list["items"].as_array().unwrap();
    let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["creds", "release"]);
    let data = items[0]["data"].as_object().unwrap();
    let decoded = |key: &str| STANDARD.decode(data[key].as_str().unwrap()).unwrap();
    assert_eq!(
        (decoded("id"), decoded("both"), decoded("other")),
        (b"me".to_vec(), b"written".to_vec(), b"x".to_vec())
    );
    assert_eq!(items[0].get("stringData"), None);
    assert_eq!(items[1]["metadata"]["namespace"], "default");
    let (_, apps) = get(&server, "/api/v1/namespaces/apps/secrets");
    assert_eq!(apps["items"].as_array().unwrap().len(), 1);
    let (_, without_helm) = get(&server, "/api/v1/secrets?labelSelector=owner%21%3Dhelm");
    assert_eq!(without_helm["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_watch_begins_with_what_is_there_and_goes_on_with_what_changes() {
    let server = ApiServer::start();
    server.apply(SECRET).unwrap();
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&labelSelector=owner%21%3Dhelm";
    let mut watch = Watch::open(&server, &format!("/api/v1/secrets?{query}"));
    let first = watch.expect("ADDED", "creds");
    assert_eq!(
        (&first["kind"], &first["apiVersion"]),
        (&"Secret".into(), &"v1".into())
    );
    let version = watch.expect_bookmark("Secret");
    assert!(
        server.edit("Secret", "apps", "creds", |secret| secret["data"]["id"] =
            "eW91".into())
    );
    let second = watch.expect("MODIFIED", "creds");
    assert_ne!(
        first["metadata"]["resourceVersion"],
        second["metadata"]["resourceVersion"]
    );
    // The label takes the object out of this watch's selection.
    let label = |secret: &mut Value| secret["metadata"]["labels"] = serde_json::json!({ "owner": "helm" });
    assert!(server.edit("Secret", "apps", "creds", label));
    watch.expect("DELETED", "creds");
    assert!(server.delete("Secret", "apps", "creds") && !server.delete("Secret", "apps", "creds"));
    server.end_watches();
    assert_eq!(watch.next(), None);

    let mut again = Watch::open(
        &server,
        &format!("/api/v1/secrets?watch=true&resourceVersion={version}"),
    );
    for kind in ["MODIFIED", "MODIFIED", "DELETED"] {
        again.expect(kind, "creds");
    }
    let answer = reqwest::blocking::get(format!(
        "{}/api/v1/secrets?watch=true&resourceVersion=7",
        server.url()
    ));
    assert_eq!(answer.unwrap().status(), 410);
}

#[test]
fn a_watch_ends_by_itself() {
    let server = ApiServer::start();
    let path = "/apis/traefik.io/v1alpha1/middlewares?watch=true&sendInitialEvents=true&timeoutSeconds=1";
    let mut watch = Watch::open(&server, path);
    watch.expect_bookmark("Middleware");
    assert_eq!(watch.next(), None);
}

#[test]
fn what_is_no_manifest_is_refused_and_named() {
    let server = ApiServer::start();
    for (yaml, problem) in [
        ("a: [", "no YAML"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}}",
            "Pod p: apiVersion and kind are none",
        ),
        (
            "{apiVersion: v2, kind: Secret, metadata: {name: s}}",
            "Secret s: apiVersion and kind are none",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {}}",
            "has no metadata.name",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: \"!\"}}",
            "Secret s:",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: 443}}",
            "Service s:",
        ),
    ] {
        let error = server.apply(yaml).unwrap_err().to_string();
        assert!(error.contains(problem), "{yaml}: {error}");
    }
    let (status, answer) = get(&server, "/apis/apps/v1/deployments");
    assert_eq!((status, &answer["reason"]), (404, &"NotFound".into()));
}
