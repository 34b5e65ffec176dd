//! An HTTP endpoint on this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// An HTTP server that answers with a closure until the test ends.
#[derive(Debug)]
pub struct Endpoint {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request that an [`Endpoint`] received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Request line and headers.
    pub head: String,
    /// The body as text.
    pub body: String,
}

impl Endpoint {
    /// Starts an endpoint. `answer` gives status and body; `None` closes the connection without an answer.
    pub fn start(mut answer: impl FnMut(&Received) -> Option<(u16, String)> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/oauth2/v1/endpoint", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&mut stream) else {
                    continue;
                };
                let answer = answer(&request);
                // Record the request before the answer, so that the test can see it as soon as the code under test has
                // the answer.
                log.lock().unwrap().push(request);
                if let Some((status, body)) = answer {
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}"
                    );
                }
            }
        });
        Self { url, received }
    }

    /// An endpoint that always gives the same answer.
    pub fn answering(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::start(move |_| Some((status, body.clone())))
    }

    /// The URL of the endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All requests received so far, in their order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Takes the requests received since the last call, in their order.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

impl Received {
    /// The value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n\r\n{}", self.head, self.body)
    }
}

/// `None` if the client goes away before its request is complete.
fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let received = Received {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length = received
                .header("Content-Length")
                .map_or(0, |length| length.parse().unwrap());
            if received.body.len() >= length {
                return Some(received);
            }
        }
        let count = stream.read(&mut chunk).unwrap();
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(chunk.get(..count).unwrap());
    }
}
