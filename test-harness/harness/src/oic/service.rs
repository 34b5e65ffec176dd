//! Handles a request: records it, delays it, applies a fault, checks it in OIC's order, and runs the integration.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use super::authorization::authorize;
use super::callers::Caller;
use super::instance::Instance;
use super::integrations;
use super::path::IntegrationPath;
use crate::faults::Answer;
use crate::server::{Body, BrokenOff, Service};

impl Instance {
    async fn run(&self, parts: &Parts, body: Incoming) -> Response<Body> {
        let path = parts.uri.path();
        let strict = self.switches().strict;
        let caller = if strict {
            match self.check(parts) {
                Ok(caller) => caller,
                Err(status) => return self.refusal(status).into_response(),
            }
        } else {
            Arc::default()
        };
        match IntegrationPath::parse(path).filter(|integration| self.is_active(integration.id)) {
            Some(integration) => integrations::run(self, integration, &caller, parts, body).await,
            None if strict => self.refusal(StatusCode::NOT_FOUND).into_response(),
            None => welcome(parts),
        }
    }

    /// Checks the host first, then the credentials, then the role.
    fn check(&self, parts: &Parts) -> Result<Arc<Caller>, StatusCode> {
        if !self.is_own_host(parts) {
            return Err(StatusCode::NOT_FOUND);
        }
        authorize(self, parts.uri.path(), &parts.headers)
    }

    /// Returns whether the request names OIC's own host. Loopback names are accepted too, because tests have no DNS.
    fn is_own_host(&self, parts: &Parts) -> bool {
        let header = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        let authority = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let name = authority.map(|authority| authority.rsplit_once(':').map_or(authority, |(name, _)| name));
        name.is_some_and(|name| name.eq_ignore_ascii_case(&self.host) || is_loopback(name))
    }
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Service for Instance {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BrokenOff> {
        let stay = self.in_flight.enter();
        let (parts, body) = request.into_parts();
        let parts = Arc::new(parts);
        self.records().arrived(&parts);
        let switches = self.switches();
        if !switches.latency.is_zero() {
            tokio::time::sleep(switches.latency).await;
        }
        let answer = match &switches.down {
            Some(fault) => {
                fault
                    .spoil(|| Answer::json(StatusCode::OK, &json!({"message": "right"})))
                    .await?
            }
            None => self.run(&parts, body).await,
        };
        Ok(answer.map(|body| stay.until_the_end_of(body)))
    }
}

fn welcome(parts: &Parts) -> Response<Body> {
    let target = parts
        .uri
        .path_and_query()
        .map(|target| target.as_str())
        .unwrap_or_default();
    Answer::empty(StatusCode::OK)
        .with("x-seen-uri", target)
        .into_response()
}
