//! The common base of the mock servers: one runtime, a listener on a free port with or without TLS, and faults of the
//! connection. All calls block, so call them from test threads and not from the runtime.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Returns the runtime of all mock servers and load generators in this process.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, usize::from).max(2))
            .thread_name("test-harness")
            .enable_all()
            .build()
            .expect("the system can start threads")
    })
}

/// A body that ends with [`BrokenOff`] also ends the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, BrokenOff>;

/// The connection ends here, without a complete answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the mock server breaks the connection off on purpose")]
pub(crate) struct BrokenOff;

/// Creates a complete body from these bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// Answers requests. An error ends the connection without an answer.
pub(crate) trait Service: Send + Sync + 'static {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, BrokenOff>> + Send;
}

/// How the listener treats new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Availability {
    /// The server answers normally.
    #[default]
    Open,
    /// Connections are refused, and open connections end.
    Refusing,
    /// Connections are accepted, but the server never sends anything: no handshake, no answer.
    Silent,
    /// The server presents a certificate from an authority that nobody trusts.
    Untrusted,
}

/// The certificates of an HTTPS server.
pub(crate) struct Tls {
    pub(crate) trusted: Arc<ServerConfig>,
    pub(crate) untrusted: Arc<ServerConfig>,
}

/// The certificate that the client presented. It is an extension of the client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate(pub(crate) CertificateDer<'static>);

/// A running server. Dropping it closes the port and all connections.
pub(crate) struct Server {
    control: Control,
}

/// Controls a running server. Clones control the same server.
#[derive(Clone)]
pub(crate) struct Control {
    address: SocketAddr,
    commands: UnboundedSender<Command>,
    connections: Arc<AtomicUsize>,
}

enum Command {
    Become(Availability, mpsc::Sender<()>),
    Stop(mpsc::Sender<()>),
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1. Without `tls` it serves plain HTTP.
    pub(crate) fn start<S: Service>(service: Arc<S>, tls: Option<Tls>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), service, tls)
    }

    /// Starts a server at `address`, which must be free.
    pub(crate) fn start_at<S: Service>(address: SocketAddr, service: Arc<S>, tls: Option<Tls>) -> Self {
        // The placeholder never listens. It reserves the port while the server refuses connections.
        let placeholder = bind(address);
        let address = placeholder.local_addr().expect("a bound socket has an address");
        let listener = listen(address);
        let (commands, receiver) = unbounded_channel();
        let control = Control {
            address,
            commands,
            connections: Arc::default(),
        };
        let accepting = Accepting {
            service,
            tls,
            placeholder,
            connections: Arc::clone(&control.connections),
        };
        runtime().spawn(accepting.run(listener, receiver));
        Self { control }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.control.command(Command::Stop);
    }
}

impl Control {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Changes the availability, and returns when the change has taken effect. A change ends the open connections.
    pub(crate) fn set_availability(&self, availability: Availability) {
        self.command(|done| Command::Become(availability, done));
    }

    fn command(&self, command: impl FnOnce(mpsc::Sender<()>) -> Command) {
        let (done, wait) = mpsc::channel();
        if self.commands.send(command(done)).is_ok() {
            // The timeout prevents a stopped runtime from hanging a test that is unwinding.
            let _ = wait.recv_timeout(Duration::from_secs(5));
        }
    }
}

struct Accepting<S> {
    service: Arc<S>,
    tls: Option<Tls>,
    placeholder: TcpSocket,
    connections: Arc<AtomicUsize>,
}

impl<S: Service> Accepting<S> {
    async fn run(self, listener: TcpListener, mut commands: UnboundedReceiver<Command>) {
        let address = self
            .placeholder
            .local_addr()
            .expect("a bound socket has an address");
        let mut availability = Availability::Open;
        let mut listener = Some(listener);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Become(wanted, done)) => {
                        if wanted != availability {
                            availability = wanted;
                            open.shutdown().await;
                            if availability == Availability::Refusing {
                                listener = None;
                            } else if listener.is_none() {
                                listener = Some(listen(address));
                            }
                        }
                        let _ = done.send(());
                    }
                    Some(Command::Stop(done)) => {
                        drop(listener);
                        open.shutdown().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                Some(_) = open.join_next(), if !open.is_empty() => {}
                stream = accept(listener.as_ref()) => {
                    self.connections.fetch_add(1, Ordering::Relaxed);
                    open.spawn(self.connection(stream, availability));
                }
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        availability: Availability,
    ) -> impl Future<Output = ()> + Send + 'static {
        let service = Arc::clone(&self.service);
        let acceptor = self.tls.as_ref().map(|tls| match availability {
            Availability::Untrusted => TlsAcceptor::from(Arc::clone(&tls.untrusted)),
            _ => TlsAcceptor::from(Arc::clone(&tls.trusted)),
        });
        async move {
            let _ = stream.set_nodelay(true);
            if availability == Availability::Silent {
                let _held_open = stream;
                return std::future::pending().await;
            }
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                        let shown = chain
                            .first()
                            .map(|leaf| PeerCertificate(leaf.clone().into_owned()));
                        serve(service, stream, shown).await;
                    }
                }
                None => serve(service, stream, None).await,
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The process has no free descriptors, or a handshake was aborted. The next attempt may succeed.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve<S: Service>(
    service: Arc<S>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    certificate: Option<PeerCertificate>,
) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().max_header_list_size(MAX_HEADER_LIST);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        Arc::clone(&service).answer(request)
    });
    // An error means that the client closed the connection or that a fault ended it. In both cases the connection is
    // over.
    let _ = server
        .serve_connection_with_upgrades(TokioIo::new(stream), answer)
        .await;
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("the system has sockets");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR can be set");
    socket.bind(address).expect("the port is ours");
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    let _context = runtime().enter();
    bind(address).listen(BACKLOG).expect("a bound socket listens")
}

/// In a burst, all clients connect at the same time. The queue must be long enough for all of them.
const BACKLOG: u32 = 4096;

/// Tokens can be as large as 128 KB, the largest setting of an identity domain. The header list must have room for
/// them.
const MAX_HEADER_LIST: u32 = 1024 * 1024;
