//! Converts YAML to objects as the API server stores them.

use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::serde::Serialize;
use k8s_openapi::serde::de::DeserializeOwned;
use kube_core::{DynamicObject, ResourceExt as _};
use serde_json::Value;

use super::kinds::{KINDS, Kind};

/// The reason why a text is not a valid manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not valid YAML.
    #[error("no YAML: {0}")]
    Yaml(String),
    /// An object is incomplete or does not have the structure of its kind.
    #[error("{object}: {problem}")]
    Object {
        /// Kind and name of the object, as far as they are known.
        object: String,
        /// What is wrong.
        problem: String,
    },
}

/// An object and its kind.
pub(super) struct Manifest {
    pub(super) kind: &'static Kind,
    pub(super) object: DynamicObject,
}

impl Manifest {
    /// Parses all documents of a YAML text.
    pub(super) fn read(yaml: &str) -> Result<Vec<Self>, ManifestError> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(yaml).map_err(|error| ManifestError::Yaml(error.to_string()))?;
        documents
            .into_iter()
            .filter(|document| !document.is_null())
            .map(Self::new)
            .collect()
    }

    pub(super) fn new(mut document: Value) -> Result<Self, ManifestError> {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
        let named = format!("{} {}", text("/kind"), text("/metadata/name"));
        let refused = |problem: String| ManifestError::Object {
            object: named.clone(),
            problem,
        };
        let kind = Kind::of(text("/apiVersion"), text("/kind")).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            refused(format!(
                "apiVersion and kind are none that Traefik reads; those are {}",
                known.join(", ")
            ))
        })?;
        if document.pointer("/metadata/name").is_none() {
            return Err(refused("has no metadata.name".to_owned()));
        }
        // Only the CRD schemas describe Traefik's own kinds. The other kinds have Rust types.
        let checked = match kind.name {
            "Secret" => as_kept(&document, |secret: &mut Secret| {
                let written = secret.string_data.take().unwrap_or_default();
                let encoded = written
                    .into_iter()
                    .map(|(key, value)| (key, k8s_openapi::ByteString(value.into_bytes())));
                secret.data.get_or_insert_default().extend(encoded);
            }),
            "Service" => as_kept(&document, |service: &mut Service| {
                let spec = service.spec.get_or_insert_default();
                spec.type_.get_or_insert_with(|| "ClusterIP".to_owned());
            }),
            "ConfigMap" => as_kept(&document, |_: &mut ConfigMap| {}),
            "EndpointSlice" => as_kept(&document, |_: &mut EndpointSlice| {}),
            "Node" => as_kept(&document, |_: &mut Node| {}),
            _ => Ok(document.clone()),
        };
        document = checked.map_err(|error| refused(error.to_string()))?;
        let mut object: DynamicObject =
            serde_json::from_value(document).map_err(|error| refused(error.to_string()))?;
        if kind.is_namespaced && object.namespace().is_none() {
            object.metadata.namespace = Some("default".to_owned());
        }
        Ok(Self { kind, object })
    }
}

/// Converts the document to its Rust type, applies `change`, and converts it back.
fn as_kept<T: DeserializeOwned + Serialize>(
    document: &Value,
    change: impl FnOnce(&mut T),
) -> Result<Value, serde_json::Error> {
    let mut object: T = serde_json::from_value(document.clone())?;
    change(&mut object);
    serde_json::to_value(&object)
}
