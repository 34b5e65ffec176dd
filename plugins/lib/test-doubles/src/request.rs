//! A request.

use std::cell::RefCell;

use bytes::Bytes;
use middleware::RequestHead;

/// A request that a test wrote.
#[derive(Debug, Clone)]
pub struct Request {
    method: Bytes,
    uri: Bytes,
    headers: Vec<(Bytes, Bytes)>,
    body: Option<Vec<u8>>,
    headers_read: RefCell<Vec<String>>,
}

impl Request {
    /// A request with this method and target, without headers.
    pub fn new(method: &str, uri: impl AsRef<[u8]>) -> Self {
        Self {
            method: Bytes::copy_from_slice(method.as_bytes()),
            uri: Bytes::copy_from_slice(uri.as_ref()),
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
        let [name, value] = [name.as_ref(), value.as_ref()].map(Bytes::copy_from_slice);
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
    fn method(&self) -> Bytes {
        self.method.clone()
    }

    fn uri(&self) -> Bytes {
        self.uri.clone()
    }

    fn header(&self, name: &str) -> Vec<Bytes> {
        self.headers_read.borrow_mut().push(name.to_owned());
        let named = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value.clone()).collect()
    }

    fn header_names(&self) -> Vec<Bytes> {
        self.headers.iter().map(|(name, _)| name.clone()).collect()
    }

    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        let body = self.body.clone().expect("the test gave this request no body");
        (body.len() <= limit).then_some(body)
    }
}
