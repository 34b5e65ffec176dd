//! A request.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use middleware::{Decision, Middleware, RequestHead, UnixTime, Values};

/// A request that a test wrote.
#[derive(Debug, Clone)]
pub struct Request {
    method: Vec<u8>,
    uri: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
    headers_read: RefCell<Vec<String>>,
}

impl Request {
    /// A request with this method and target, without headers.
    pub fn new(method: &str, uri: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_bytes().to_vec(),
            uri: uri.as_ref().to_vec(),
            headers: Vec::new(),
            body: None,
            headers_read: RefCell::default(),
        }
    }

    /// A GET request.
    pub fn get(uri: impl AsRef<[u8]>) -> Self {
        Self::new("GET", uri)
    }

    /// Adds one value of a header.
    #[must_use]
    pub fn with_header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let [name, value] = [name.as_ref(), value.as_ref()].map(<[u8]>::to_vec);
        self.headers.push((name, value));
        self
    }

    /// Adds several headers.
    #[must_use]
    pub fn with_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter();
        headers.fold(self, |request, (name, value)| request.with_header(name, value))
    }

    /// Adds headers of these names without values.
    #[must_use]
    pub fn with_header_names<N: AsRef<[u8]>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.with_headers(names.into_iter().map(|name| (name, "")))
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("Authorization", format!("Bearer {token}"))
    }

    /// Gives the request a body. Reading the body of a request without one fails the test.
    #[must_use]
    pub fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// The names of the headers whose values were read so far.
    pub fn headers_read(&self) -> Vec<String> {
        self.headers_read.borrow().clone()
    }
}

impl RequestHead for Request {
    fn method(&self) -> &[u8] {
        &self.method
    }

    fn uri(&self) -> &[u8] {
        &self.uri
    }

    fn header(&self, name: &str) -> Values<'_> {
        self.headers_read.borrow_mut().push(name.to_owned());
        let named = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value).collect()
    }

    fn header_names(&self) -> Values<'_> {
        self.headers.iter().map(|(name, _)| name).collect()
    }

    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        let body = self.body.clone().expect("the test gave this request no body");
        (body.len() <= limit).then_some(body)
    }
}

/// Asks a middleware about a request, at the present time.
#[allow(clippy::disallowed_methods)] // for middlewares whose platform has the real clock
pub fn decide<M: Middleware>(middleware: &mut M, request: &Request) -> Decision {
    let now = UnixTime::EPOCH.plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    middleware.on_request(request, now)
}
