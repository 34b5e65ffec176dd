//! The HTTP API: list and watch.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;

use super::cluster::{Cluster, Event, Expired, LabelRule, Selection};
use super::kinds::Kind;
use crate::faults::{Answer, pieces, respond};
use crate::server::{Body, BrokenOff, Service};

/// The API of a cluster.
pub(super) struct Api {
    cluster: Arc<Cluster>,
}

impl Api {
    pub(super) fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
        let query: HashMap<String, String> =
            form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let Some((kind, namespace)) = Kind::at(request.uri().path()) else {
            return status(StatusCode::NOT_FOUND, "NotFound");
        };
        if request.method() != Method::GET {
            return status(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed");
        }
        let parameter = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let rules = parameter("labelSelector")
            .split(',')
            .filter(|rule| !rule.is_empty());
        let Some(labels) = rules.map(LabelRule::read).collect() else {
            return status(StatusCode::BAD_REQUEST, "BadRequest");
        };
        let selection = Selection {
            kind,
            namespace: namespace.map(str::to_owned),
            labels,
        };
        if parameter("watch") != "true" {
            return self.list(&selection);
        }
        let events = match (
            parameter("sendInitialEvents"),
            parameter("resourceVersion").parse(),
        ) {
            ("true", _) | (_, Err(_)) | (_, Ok(0)) => self.cluster.watch_with_state(selection),
            (_, Ok(version)) => match self.cluster.watch_from(selection, version) {
                Ok(events) => events,
                Err(Expired) => return status(StatusCode::GONE, "Expired"),
            },
        };
        let seconds = parameter("timeoutSeconds").parse().unwrap_or(600);
        watch(events, Duration::from_secs(seconds))
    }

    fn list(&self, selection: &Selection) -> Response<Body> {
        let (items, version) = self.cluster.list(selection);
        let resource = selection.kind.resource();
        let list = json!({
            "kind": format!("{}List", resource.kind),
            "apiVersion": resource.api_version,
            "metadata": { "resourceVersion": version.to_string() },
            "items": items,
        });
        Answer::json(StatusCode::OK, &list).into_response()
    }
}

impl Service for Api {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BrokenOff> {
        Ok(self.respond(&request))
    }
}

/// Sends one JSON document per line until the timeout.
fn watch(mut events: mpsc::UnboundedReceiver<Event>, timeout: Duration) -> Response<Body> {
    let (lines, body) = mpsc::channel(1);
    tokio::spawn(async move {
        let all = async {
            while let Some(event) = events.recv().await {
                let Ok(mut line) = serde_json::to_vec(&event) else {
                    return;
                };
                line.push(b'\n');
                if lines.send(Ok(Bytes::from(line))).await.is_err() {
                    return;
                }
            }
        };
        let gone = lines.clone();
        tokio::select! {
            () = all => {}
            () = gone.closed() => {}
            () = tokio::time::sleep(timeout) => {}
        }
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    respond(StatusCode::OK, headers, pieces(body))
}

fn status(code: StatusCode, reason: &str) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "reason": reason, "code": code.as_u16(),
    });
    Answer::json(code, &status).into_response()
}
