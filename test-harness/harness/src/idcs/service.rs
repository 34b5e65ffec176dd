//! Handles a request: records it, delays it, applies the rate limit and faults, and dispatches it to its endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::client_authentication::claimed_client_id;
use super::domain::Domain;
use super::errors::scim_error;
use super::records::RecordedRequest;
use super::request::header;
use super::switches::Endpoint;
use super::{device, discovery, introspection, jwks, paths, token_endpoint};
use crate::faults::{Answer, Fault};
use crate::hex;
use crate::server::{Body, BrokenOff, Service};

impl Service for Domain {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BrokenOff> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
        let endpoint = endpoint(&parts);
        let place = self.records().arrived(record(endpoint, &parts, &body));
        let mut response = self.respond(endpoint, &parts, &body).await?;
        self.records().answered(place, response.status().as_u16());
        for name in ["x-oracle-dms-ecid", "x-oracle-dms-rid"] {
            if let Ok(value) = hex::random().parse() {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }
}

impl Domain {
    async fn respond(
        &self,
        endpoint: Option<Endpoint>,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Response<Body>, BrokenOff> {
        let fault = match endpoint {
            Some(endpoint) => {
                let latency = self.switches().at(endpoint).latency;
                if !latency.is_zero() {
                    tokio::time::sleep(latency).await;
                }
                self.fault(endpoint)
            }
            None => self.switches().down.clone(),
        };
        let right = || self.right_answer(endpoint, parts, body);
        match fault {
            Some(fault) => fault.spoil(right).await,
            None => Ok(right().into_response()),
        }
    }

    fn fault(&self, endpoint: Endpoint) -> Option<Fault> {
        let fault = self.switches().next_fault(endpoint);
        fault.or_else(|| {
            self.rate_exceeded(endpoint)
                .map(|retry_after| Fault::TooManyRequests { retry_after })
        })
    }

    fn right_answer(&self, endpoint: Option<Endpoint>, parts: &Parts, body: &[u8]) -> Answer {
        match endpoint {
            Some(Endpoint::Discovery) => discovery::answer(self, parts.uri.path(), &parts.headers),
            Some(Endpoint::Introspect) => introspection::answer(self, &parts.headers, body),
            Some(Endpoint::Jwks) => jwks::answer(self, &parts.headers),
            Some(Endpoint::Device) => {
                device::answer(self, &parts.method, parts.uri.path(), &parts.headers, body)
            }
            Some(Endpoint::Token) => token_endpoint::answer(self, parts, body),
            None => scim_error(
                StatusCode::NOT_FOUND,
                "error.common.resourcenotfound",
                "The resource does not exist.",
            ),
        }
    }
}

fn endpoint(parts: &Parts) -> Option<Endpoint> {
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, paths::TOKEN) => Some(Endpoint::Token),
        (&Method::POST, paths::INTROSPECT) => Some(Endpoint::Introspect),
        (&Method::POST, paths::DEVICE) | (&Method::GET | &Method::POST, paths::DEVICE_PAGE) => {
            Some(Endpoint::Device)
        }
        (&Method::GET, paths::JWKS) => Some(Endpoint::Jwks),
        (&Method::GET, paths::OPENID_CONFIGURATION | paths::IDCS_CONFIGURATION) => Some(Endpoint::Discovery),
        _ => None,
    }
}

fn record(endpoint: Option<Endpoint>, parts: &Parts, body: &[u8]) -> RecordedRequest {
    let form = match endpoint {
        Some(Endpoint::Device | Endpoint::Introspect | Endpoint::Token) => {
            form_urlencoded::parse(body).into_owned().collect()
        }
        _ => Default::default(),
    };
    let authorization = header(&parts.headers, "authorization");
    let client_id = claimed_client_id(authorization, &form);
    let form = form.into_iter().map(|(name, value)| {
        let secret = SECRET_FIELDS.contains(&name.as_str());
        (name, if secret { "[redacted]".to_owned() } else { value })
    });
    RecordedRequest {
        endpoint,
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        form: form.collect(),
        authorization_scheme: authorization
            .and_then(|value| value.split(' ').next())
            .map(str::to_owned),
        client_id,
        status: None,
    }
}

const SECRET_FIELDS: [&str; 9] = [
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "device_code",
    "password",
    "refresh_token",
    "subject_token",
    "token",
];
