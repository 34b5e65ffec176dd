//! A small blocking HTTP client, and [`raw`] for requests that no HTTP library sends. The client does not follow
//! redirects, does not use a proxy, and trusts only the authorities it is given.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::blocking::{ClientBuilder, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::certificates::install_crypto_provider;

/// The reason why there is no response, with the whole chain of causes on one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no response: {0}")]
pub struct ClientError(String);

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self(message)
    }
}

/// A blocking HTTP client with a connection pool. Do not use it in an async runtime.
#[derive(Clone, Debug)]
pub struct Client {
    client: reqwest::blocking::Client,
}

impl Client {
    /// Creates a client for plain HTTP. It trusts no authority, so HTTPS fails.
    pub fn plain() -> Self {
        Self::with(|builder| builder)
    }

    /// Creates a client that trusts only this authority's certificate (PEM).
    pub fn trusting(ca_pem: &str) -> Self {
        let authority =
            reqwest::Certificate::from_pem(ca_pem.as_bytes()).expect("the authority's PEM is ours");
        Self::with(|builder| builder.tls_certs_only([authority]))
    }

    /// Creates a client with the same defaults and lets `change` adjust reqwest's builder, for example to resolve names
    /// or to choose an HTTP version.
    pub fn with(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        install_crypto_provider();
        let builder = reqwest::blocking::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(DEFAULT_TIMEOUT)
            .tls_certs_only([]);
        let client = change(builder).build().expect("the client's settings are valid");
        Self { client }
    }

    /// Starts a GET request to a full URL.
    pub fn get(&self, url: &str) -> Request {
        self.request(Method::GET, url)
    }

    /// Starts a POST request to a full URL.
    pub fn post(&self, url: &str) -> Request {
        self.request(Method::POST, url)
    }

    /// Starts a request to a full URL.
    pub fn request(&self, method: Method, url: &str) -> Request {
        Request {
            builder: self.client.request(method, url),
        }
    }
}

/// A request that is being built.
#[must_use = "a request does nothing until it is sent"]
#[derive(Debug)]
pub struct Request {
    builder: RequestBuilder,
}

impl Request {
    /// Sets `Authorization: Bearer` (RFC 6750 section 2.1).
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets `Authorization: Basic`. Both parts are form-encoded first, as OAuth requires (RFC 6749 section 2.3.1).
    pub fn client_basic(self, client_id: &str, client_secret: &str) -> Self {
        self.header("authorization", &basic(client_id, client_secret))
    }

    /// Adds a header. Existing headers of the same name stay.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self {
            builder: self.builder.header(name, value),
        }
    }

    /// Sets a form body (`application/x-www-form-urlencoded`).
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        Self {
            builder: self.builder.form(fields),
        }
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        Self {
            builder: self.builder.json(body),
        }
    }

    /// Sets a body of bytes, without a content type.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            builder: self.builder.body(body.into()),
        }
    }

    /// Sets the deadline of the whole exchange. The default is 30 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            builder: self.builder.timeout(timeout),
        }
    }

    /// Sends the request and reads the whole response.
    pub fn send(self) -> Result<Response, ClientError> {
        let response = self.builder.send()?;
        let (status, version) = (response.status().as_u16(), response.version());
        let headers = response.headers().clone();
        Ok(Response {
            status,
            version,
            headers,
            body: response.bytes()?,
        })
    }
}

/// A response that has been read completely.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The HTTP version of the response.
    pub version: http::Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// Returns the first header of this name if its value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as text. Invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON, or `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Returns the value of an `Authorization: Basic` header. Both parts are form-encoded first.
pub fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode(client_id), encode(client_secret)))
    )
}

/// Sends these bytes over a new TCP connection and returns the bytes of one response. The response ends where its
/// headers say, or else when the connection ends. Fails after 30 seconds.
pub fn raw(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + DEFAULT_TIMEOUT;
    let mut stream = TcpStream::connect_timeout(&address, DEFAULT_TIMEOUT)?;
    stream.set_write_timeout(Some(DEFAULT_TIMEOUT))?;
    stream.write_all(request)?;
    let mut response = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while !is_whole(&response) {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        response.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    Ok(response)
}

fn is_whole(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let body_length = response.len() - head.len() - 4;
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_ascii_lowercase())
        })
    };
    if let Some(length) = header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        return body_length >= length;
    }
    header("transfer-encoding").is_some_and(|coding| coding == "chunked") && text.ends_with("\r\n0\r\n\r\n")
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::TcpListener;
    use std::thread;

    /// Answers one connection with `response` and keeps it open until the client closes it. The thread returns what it
    /// read.
    fn answering(response: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).unwrap();
            request.truncate(read);
            stream.write_all(response).unwrap();
            let _ = stream.read(&mut [0; 1]);
            request
        });
        (address, server)
    }

    #[test]
    fn raw_sends_the_bytes_as_they_are_and_stops_at_the_announced_end() {
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n";
        let responses: [&'static [u8]; 2] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ];
        for response in responses {
            let (address, server) = answering(response);
            assert_eq!(raw(address, request).unwrap(), response);
            assert_eq!(server.join().unwrap(), request);
        }
    }

    #[test]
    fn redirects_are_handed_back() {
        let (address, server) =
            answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        let client = Client::plain();
        let response = client
            .get(&format!("http://{address}/"))
            .bearer("abc")
            .send()
            .unwrap();
        assert_eq!(
            (response.status, response.header("location")),
            (302, Some("http://127.0.0.1:1/"))
        );
        drop(client);
        let request = String::from_utf8(server.join().unwrap()).unwrap();
        assert!(request.contains("authorization: Bearer abc\r\n"), "{request}");
    }

    #[test]
    fn basic_encodes_both_parts_as_form_values() {
        let credentials = basic("id:1", "s+c%").split_once(' ').unwrap().1.to_owned();
        assert_eq!(STANDARD.decode(credentials).unwrap(), b"id%3A1:s%2Bc%25");
    }

    #[test]
    fn a_dead_port_is_an_error_that_says_why() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Client::plain()
            .get(&format!("http://{address}/"))
            .send()
            .unwrap_err();
        assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    }
}
