//! Validates the objects of the examples against the schemas in Traefik's CustomResourceDefinitions.

use std::path::Path;

use harness_build::tools::workspace_root;
use serde_json::{Value, json};

/// The variable that names the file with Traefik's CRDs, for example the one from its documentation.
const CRDS: &str = "TRAEFIK_CRDS";

#[test]
fn every_object_of_the_examples_fits_traefiks_own_schema() {
    let Ok(file) = std::env::var(CRDS) else {
        eprintln!("SKIPPED: {CRDS} names no file with Traefik's CustomResourceDefinitions");
        return;
    };
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{CRDS}={file}: {error}"));
    let definitions: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let mut checked = 0;
    for path in manifests(&workspace_root().join("examples")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(documents) = serde_saphyr::from_multiple::<Value>(&text) else {
            panic!("{}: no YAML", path.display());
        };
        for document in documents {
            let Some(schema) = schema_of(&definitions, &document) else {
                continue;
            };
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
    // This object shows that the check can fail.
    let wrong = json!({ "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": { "name": "x" },
                        "spec": { "replacePathRegex": { "regexp": "^/" } } });
    let schema = schema_of(&definitions, &wrong).unwrap();
    assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&wrong));
}

fn manifests(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|it| it == "yml" || it == "yaml") {
            found.push(path);
        }
    }
    found
}

/// Returns the schema for a document's kind, or `None` if Traefik does not define that kind.
fn schema_of(definitions: &[Value], document: &Value) -> Option<Value> {
    let (group, version) = document["apiVersion"].as_str()?.split_once('/')?;
    let definition = definitions.iter().find(|definition| {
        definition["spec"]["group"] == group && definition["spec"]["names"]["kind"] == document["kind"]
    })?;
    let versions = definition["spec"]["versions"].as_array()?;
    let version = versions.iter().find(|it| it["name"] == version)?;
    let mut schema = version["schema"]["openAPIV3Schema"].clone();
    strict(&mut schema);
    // The API server validates metadata, so the schemas do not describe it.
    schema["properties"]["metadata"] = json!({ "type": "object" });
    Some(schema)
}

/// Converts Kubernetes' extensions to JSON Schema. Unknown fields are errors, unless the schema preserves them.
fn strict(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let is = |members: &serde_json::Map<String, Value>, name: &str| members.get(name) == Some(&json!(true));
    if is(members, "x-kubernetes-int-or-string") {
        members.remove("anyOf");
        members.insert("type".to_owned(), json!(["integer", "string"]));
    }
    let keeps = is(members, "x-kubernetes-preserve-unknown-fields");
    let is_open = keeps || members.contains_key("additionalProperties");
    if members.contains_key("properties") && !is_open {
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(strict),
            ("items" | "additionalProperties", member) => strict(member),
            _ => {}
        }
    }
}
