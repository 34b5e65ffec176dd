//! A load generator for tests. It opens keep-alive HTTP/1.1 connections, and each connection sends its next request as
//! soon as it has read the last response. It supports TLS and can check every answer; the faster generator of the
//! benchmark supports neither.
//!
//! ```no_run
//! use harness::load::{Load, get};
//!
//! let report = Load::to("http://127.0.0.1:8000").requests(20_000).concurrency(64).run(|_| get("/echo"));
//! assert!(report.all_have_status(200), "{report}");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio_rustls::TlsConnector;

use crate::certificates::install_crypto_provider;
use crate::server::runtime;

/// Creates a GET request for this path, which may include a query.
pub fn get(path: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = path.parse().expect("the path is a valid request target");
    request
}

/// Creates a GET request for this path with a bearer token.
pub fn get_with_bearer(path: &str, token: &str) -> Request<Bytes> {
    let mut request = get(path);
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is visible ASCII");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

/// The settings of a load: the target, the number of requests, and the number of connections.
#[must_use = "load begins with `run`"]
pub struct Load {
    target: Uri,
    host: String,
    requests: usize,
    concurrency: usize,
    timeout: Duration,
    authority_pem: Option<String>,
    check: Option<Check>,
}

type Check = Arc<dyn Fn(usize, StatusCode, &HeaderMap, &[u8]) -> Result<(), String> + Send + Sync>;

impl Load {
    /// Targets the server of this URL (scheme and authority). The default is one request.
    pub fn to(url: &str) -> Self {
        let target: Uri = url.parse().expect("the target is a URL");
        let host = target.authority().map(ToString::to_string).unwrap_or_default();
        Self {
            target,
            host,
            requests: 1,
            concurrency: 1,
            timeout: Duration::from_secs(60),
            authority_pem: None,
            check: None,
        }
    }

    /// Sets the total number of requests.
    pub fn requests(self, requests: usize) -> Self {
        Self { requests, ..self }
    }

    /// Sets the number of concurrent connections.
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency, ..self }
    }

    /// Opens `clients` connections first. Then each of them sends one request at the same moment.
    pub fn burst(self, clients: usize) -> Self {
        Self {
            requests: clients,
            concurrency: clients,
            ..self
        }
    }

    /// Sets the `Host` header. The default is the target's authority. A `Host` header of the request itself takes
    /// precedence.
    pub fn host(self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..self
        }
    }

    /// Trusts this authority (PEM) for an `https` target.
    pub fn trusting(self, ca_pem: &str) -> Self {
        Self {
            authority_pem: Some(ca_pem.to_owned()),
            ..self
        }
    }

    /// Sets the time after which a request without a complete response counts as an error. The default is 60 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Checks every response (index, status, headers, body). An `Err` counts as an error with this text.
    pub fn check(
        self,
        check: impl Fn(usize, StatusCode, &HeaderMap, &[u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Some(Arc::new(check)),
            ..self
        }
    }

    /// Opens all connections, then sends the requests `request(0)`, `request(1)`, and so on. Blocks until all have
    /// ended. A failed request is counted and not retried; its connection is opened again.
    pub fn run(self, request: impl Fn(usize) -> Request<Bytes> + Send + Sync + 'static) -> LoadReport {
        let concurrency = self.concurrency.clamp(1, self.requests.max(1));
        let run = Arc::new(Run {
            connector: self.connector(),
            request: Box::new(request),
            // Each connection starts with the request of its own number.
            next: AtomicUsize::new(concurrency),
            ready: Barrier::new(concurrency),
            started: OnceLock::new(),
            load: self,
        });
        runtime().block_on(async {
            let workers: Vec<_> = (0..concurrency)
                .map(|number| tokio::spawn(Arc::clone(&run).work(number)))
                .collect();
            let mut report = LoadReport::default();
            for worker in workers {
                match worker.await {
                    Ok(part) => report.absorb(part),
                    Err(error) => report.error(format!("the request or check closure panicked: {error}")),
                }
            }
            report.elapsed = run.started.get().map(Instant::elapsed).unwrap_or_default();
            report
        })
    }

    fn connector(&self) -> Connector {
        let name = self.target.host().unwrap_or_default().to_owned();
        let tls = (self.target.scheme_str() == Some("https")).then(|| {
            install_crypto_provider();
            let mut roots = RootCertStore::empty();
            for certificate in
                CertificateDer::pem_slice_iter(self.authority_pem.as_deref().unwrap_or_default().as_bytes())
            {
                let added = certificate.map(|certificate| roots.add(certificate));
                added
                    .expect("the authority is PEM")
                    .expect("the authority is a certificate");
            }
            let config = ClientConfig::builder()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(name.clone()).expect("the target has a host name or address");
            (TlsConnector::from(Arc::new(config)), name)
        });
        let port = self
            .target
            .port_u16()
            .unwrap_or(if tls.is_some() { 443 } else { 80 });
        Connector {
            address: format!("{name}:{port}"),
            tls,
        }
    }
}

/// Returns the latency that this percentage (0 to 100) of an ascending list does not exceed.
pub fn percentile(ascending: &[Duration], percent: f64) -> Option<Duration> {
    let last = ascending.len().checked_sub(1)?;
    let place = (last as f64 * percent / 100.0).round() as usize;
    ascending.get(place.min(last)).copied()
}

/// The results of a load.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// The number of responses by status.
    pub statuses: BTreeMap<u16, usize>,
    /// The number of requests without a complete response, plus the responses that the check rejected.
    pub errors: usize,
    /// The texts of the first errors.
    pub first_errors: Vec<String>,
    /// The time from the moment when all connections were open to the last response.
    pub elapsed: Duration,
    /// The times from sending to the complete response, in ascending order. Failed requests are not included.
    pub latencies: Vec<Duration>,
}

impl LoadReport {
    /// Returns whether there was no error and every response has this status.
    pub fn all_have_status(&self, status: u16) -> bool {
        self.errors == 0 && self.statuses.keys().eq([&status])
    }

    /// Returns the number of responses with this status.
    pub fn with_status(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// Returns the total number of responses.
    pub fn responses(&self) -> usize {
        self.statuses.values().sum()
    }

    /// Returns the latency that this percentage (0 to 100) of the requests did not exceed.
    pub fn percentile(&self, percent: f64) -> Duration {
        percentile(&self.latencies, percent).unwrap_or_default()
    }

    /// Returns the median latency.
    pub fn p50(&self) -> Duration {
        self.percentile(50.0)
    }

    /// Returns the latency that 99 percent of the requests did not exceed.
    pub fn p99(&self) -> Duration {
        self.percentile(99.0)
    }

    /// Returns the longest latency.
    pub fn max(&self) -> Duration {
        self.percentile(100.0)
    }

    /// Returns the responses per second.
    pub fn per_second(&self) -> f64 {
        self.responses() as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// Adds the results of another load. [`LoadReport::elapsed`] does not change.
    pub fn absorb(&mut self, part: Self) {
        for (status, count) in part.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.errors += part.errors;
        self.first_errors.extend(part.first_errors);
        self.first_errors.truncate(ERRORS_KEPT);
        self.latencies.extend(part.latencies);
        self.latencies.sort_unstable();
    }

    fn error(&mut self, text: String) {
        self.errors += 1;
        if self.first_errors.len() < ERRORS_KEPT {
            self.first_errors.push(text);
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:?} in {:.2?} ({:.0}/s), p50 {:.2?}, p99 {:.2?}, max {:.2?}, {} errors {:?}",
            self.statuses,
            self.elapsed,
            self.per_second(),
            self.p50(),
            self.p99(),
            self.max(),
            self.errors,
            self.first_errors,
        )
    }
}

struct Run {
    load: Load,
    connector: Connector,
    request: Box<dyn Fn(usize) -> Request<Bytes> + Send + Sync>,
    next: AtomicUsize,
    ready: Barrier,
    started: OnceLock<Instant>,
}

impl Run {
    async fn work(self: Arc<Self>, first: usize) -> LoadReport {
        let mut report = LoadReport::default();
        let mut connection = self.connector.connect().await.ok();
        self.ready.wait().await;
        self.started.get_or_init(Instant::now);
        let mut index = first;
        while index < self.load.requests {
            let request = self.prepare(index);
            let sent = Instant::now();
            let exchange = tokio::time::timeout(self.load.timeout, self.exchange(&mut connection, request));
            match exchange
                .await
                .unwrap_or_else(|_| Err("no response in time".to_owned()))
            {
                Ok((status, headers, body)) => {
                    report.latencies.push(sent.elapsed());
                    *report.statuses.entry(status.as_u16()).or_default() += 1;
                    let check = self.load.check.as_ref();
                    if let Some(Err(text)) = check.map(|check| check(index, status, &headers, &body)) {
                        report.error(format!("request {index}: {text}"));
                    }
                }
                Err(text) => {
                    connection = None;
                    report.error(format!("request {index}: {text}"));
                }
            }
            index = self.next.fetch_add(1, Ordering::Relaxed);
        }
        report
    }

    fn prepare(&self, index: usize) -> Request<Full<Bytes>> {
        let mut request = (self.request)(index).map(Full::new);
        if !request.headers().contains_key(header::HOST)
            && let Ok(host) = HeaderValue::from_str(&self.load.host)
        {
            request.headers_mut().insert(header::HOST, host);
        }
        request
    }

    async fn exchange(
        &self,
        connection: &mut Option<SendRequest<Full<Bytes>>>,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        // A server may close an idle connection between two requests. That is not an error of this request.
        if connection.as_ref().is_some_and(SendRequest::is_closed) {
            *connection = None;
        }
        let sender = match connection {
            Some(sender) => sender,
            None => connection.insert(self.connector.connect().await?),
        };
        sender.ready().await.map_err(describe)?;
        let (parts, body) = sender.send_request(request).await.map_err(describe)?.into_parts();
        let body = body.collect().await.map_err(describe)?.to_bytes();
        Ok((parts.status, parts.headers, body))
    }
}

struct Connector {
    address: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.address).await.map_err(describe)?;
        stream.set_nodelay(true).map_err(describe)?;
        match &self.tls {
            Some((connector, name)) => {
                speak(connector.connect(name.clone(), stream).await.map_err(describe)?).await
            }
            None => speak(stream).await,
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, String> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(describe)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn describe(error: impl std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

const ERRORS_KEPT: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::HashSet;
    use std::sync::Mutex;

    use crate::certificates::CertificateAuthority;
    use crate::faults::Fault;
    use crate::idcs::{Application, Idcs, Resource};
    use crate::oic::Oic;

    const ECHO: &str = "/ic/api/integration/v1/flows/rest/ECHO/1.0";

    fn upstream() -> (Idcs, Oic) {
        let idcs = Idcs::builder().plain_http().start();
        let oic = Oic::builder(&idcs).plain_http().strict(false).start();
        (idcs, oic)
    }

    #[test]
    fn every_index_is_sent_once() {
        let (_idcs, oic) = upstream();
        let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
        let record = Arc::clone(&seen);
        let report = Load::to(&oic.url())
            .requests(500)
            .concurrency(16)
            .check(move |_, _, headers, _| {
                record
                    .lock()
                    .unwrap()
                    .insert(headers["x-seen-uri"].to_str().unwrap().to_owned());
                Ok(())
            })
            .run(|index| get(&format!("/{index}")));
        assert!(report.all_have_status(200), "{report}");
        assert_eq!((report.responses(), report.latencies.len()), (500, 500));
        assert_eq!(
            *seen.lock().unwrap(),
            (0..500).map(|index| format!("/{index}")).collect()
        );
        assert_eq!(oic.connections(), 16);
        assert!(report.p50() <= report.p99() && report.p99() <= report.max());
    }

    #[test]
    fn a_burst_opens_its_connections_first() {
        let (_idcs, oic) = upstream();
        let report = Load::to(&oic.url()).burst(64).run(|_| get("/"));
        assert!(report.all_have_status(200), "{report}");
        assert_eq!((oic.connections(), oic.requests_count()), (64, 64));
    }

    #[test]
    fn statuses_errors_and_checks_are_counted() {
        let (_idcs, oic) = upstream();
        let report = Load::to(&oic.url())
            .requests(20)
            .concurrency(4)
            .check(|index, _, _, _| {
                if index == 7 {
                    Err("seven".to_owned())
                } else {
                    Ok(())
                }
            })
            .run(|index| get(&format!("{ECHO}/status?code={}", 200 + index % 2)));
        assert_eq!((report.with_status(200), report.with_status(201)), (10, 10));
        assert_eq!(
            (report.errors, &report.first_errors[..]),
            (1, &["request 7: seven".to_owned()][..])
        );
        assert!(!report.all_have_status(200));
        oic.down(Fault::Refuse);
        let report = Load::to(&oic.url()).requests(5).concurrency(2).run(|_| get("/"));
        assert_eq!((report.errors, report.responses()), (5, 0));
        oic.up();
        oic.down(Fault::Hang);
        let report = Load::to(&oic.url())
            .timeout(Duration::from_millis(100))
            .run(|_| get("/"));
        assert_eq!(report.first_errors, ["request 0: no response in time"]);
    }

    #[test]
    fn a_server_that_closes_each_connection_is_no_error() {
        let (_idcs, oic) = upstream();
        let report = Load::to(&oic.url()).requests(50).concurrency(4).run(|_| {
            let mut request = get("/");
            request
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            request
        });
        assert!(report.all_have_status(200), "{report}");
        assert!(oic.connections() >= 46, "{}", oic.connections());
    }

    #[test]
    fn https_targets_need_their_authority() {
        let idcs = Idcs::start();
        let ca = CertificateAuthority::shared().ca_pem();
        let keys = || get("/admin/v1/SigningCert/jwk");
        assert!(
            Load::to(&idcs.url())
                .trusting(&ca)
                .run(move |_| keys())
                .all_have_status(200)
        );
        assert_eq!(Load::to(&idcs.url()).run(move |_| keys()).errors, 1);
    }

    #[test]
    fn a_cached_token_carries_thousands_of_requests() {
        let idcs = Idcs::builder().plain_http().start();
        let oic = Oic::builder(&idcs).plain_http().start();
        let audience = Resource::oic().primary_audience;
        let token = idcs
            .client_token()
            .client_id(Application::GATEWAY_ID)
            .audience(&audience)
            .mint();
        let report = Load::to(&oic.url())
            .requests(5_000)
            .concurrency(64)
            .run(move |_| get_with_bearer(ECHO, &token));
        assert!(report.all_have_status(200), "{report}");
        assert_eq!(
            (oic.tokens_seen().len(), oic.tokens_seen()[0].requests),
            (1, 5_000)
        );
        println!("{report}");
    }
}
