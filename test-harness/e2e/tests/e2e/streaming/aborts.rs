//! A client that disconnects at any moment leaves nothing behind: no plugin instance, no connection, and no request at
//! the backend.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use harness::gateway::Gateway;
use harness::load::{Load, get_with_bearer};

use super::Backend;
use super::caller::{Answer, Caller, Feed, Pending, Protocol};
use super::websocket;
use crate::support::Deadline;

/// The moment at which a client disconnects.
#[derive(Clone, Copy, Debug)]
enum Phase {
    BeforeTheHeadersEnd,
    WhileUploading,
    WhileTheBackendThinks,
    WhileDownloading,
    WhileListening,
    InAWebSocket,
}

const CLIENTS: usize = 16;

#[test]
fn clients_that_go_away_in_any_phase_leave_nothing_behind() {
    for backend in Backend::ALL {
        let gateway = backend.gateway();
        let token = gateway.idcs.client_token().mint();
        serves(&gateway, &token);
        calm(&gateway, usize::MAX, "after the first requests");
        let fds = gateway.traefik.open_fds().unwrap();
        for phase in Phase::ALL {
            if matches!((phase, backend), (Phase::InAWebSocket, Backend::H2c)) {
                continue; // there is no WebSocket in it
            }
            let case = format!("{phase:?} to {backend:?}");
            let received = gateway.oic.bytes_received();
            let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| phase.enter(&gateway, &token)).collect();
            phase.wait_until_all_are_in(&gateway, received, &case);
            if !matches!(phase, Phase::BeforeTheHeadersEnd) {
                // This proves that `instances_at_work` sees the instances.
                assert!(instances_at_work(&gateway) >= CLIENTS, "{case}");
            }
            drop(clients);
            calm(&gateway, fds + SPARE_FDS, &case);
            serves(&gateway, &token);
        }
        gateway.oic.end_events();
    }
}

#[test]
fn streams_that_are_reset_in_any_phase_leave_nothing_behind_and_the_connection_goes_on() {
    const PHASES: [Phase; 4] = [
        Phase::WhileUploading,
        Phase::WhileTheBackendThinks,
        Phase::WhileDownloading,
        Phase::WhileListening,
    ];
    for backend in Backend::ALL {
        let gateway = backend.gateway();
        serves(&gateway, &gateway.idcs.client_token().mint());
        for protocol in [Protocol::H2c, Protocol::Http2] {
            let mut caller = Caller::connect(&gateway, protocol);
            assert_eq!(caller.get("/echo").status, 200);
            calm(&gateway, usize::MAX, "after the first requests");
            let fds = gateway.traefik.open_fds().unwrap();
            for phase in PHASES {
                let case = format!("{phase:?}, {protocol:?} to {backend:?}");
                let received = gateway.oic.bytes_received();
                let streams: Vec<Stream> = (0..CLIENTS).map(|_| phase.open(&mut caller)).collect();
                phase.wait_until_all_are_in(&gateway, received, &case);
                assert!(instances_at_work(&gateway) >= CLIENTS, "{case}");
                streams.into_iter().for_each(Stream::reset);
                calm(&gateway, fds + SPARE_FDS, &case);
                assert_eq!(caller.get("/echo").status, 200, "{case}");
            }
        }
        gateway.oic.end_events();
    }
}

/// One of several requests on an HTTP/2 connection.
#[allow(clippy::large_enum_variant)] // a handful of them, and short-lived
enum Stream {
    Uploading(Feed, Pending),
    Waiting(Pending),
    Reading(Answer),
}

impl Stream {
    fn reset(self) {
        match self {
            Self::Uploading(feed, pending) => {
                feed.break_off();
                pending.break_off();
            }
            Self::Waiting(pending) => pending.break_off(),
            Self::Reading(answer) => drop(answer),
        }
    }
}

impl Phase {
    /// Opens a request and brings it into this phase.
    fn open(self, caller: &mut Caller) -> Stream {
        match self {
            Self::WhileUploading => {
                let (feed, pending) = caller.post("/echo/upload", &[]);
                feed.data(vec![7; PIECE]);
                Stream::Uploading(feed, pending)
            }
            Self::WhileDownloading => Stream::Reading(caller.get("/echo/download?bytes=1000000000")),
            Self::WhileListening => Stream::Reading(caller.get("/echo/events")),
            _ => Stream::Waiting(caller.post("/echo/slow?ms=600000", &[]).1),
        }
    }

    const ALL: [Self; 6] = [
        Self::BeforeTheHeadersEnd,
        Self::WhileUploading,
        Self::WhileTheBackendThinks,
        Self::WhileDownloading,
        Self::WhileListening,
        Self::InAWebSocket,
    ];

    /// Connects a client and brings it into this phase.
    fn enter(self, gateway: &Gateway, token: &str) -> TcpStream {
        if let Self::InAWebSocket = self {
            return websocket::connect(gateway, Some(token)).unwrap().0.into_inner();
        }
        let address = gateway.traefik.address("web").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let request = match self {
            Self::BeforeTheHeadersEnd => "GET /echo HTTP/1.1\r\nAccept: text",
            Self::WhileUploading => "POST /echo/upload HTTP/1.1\r\nContent-Length: 1000000\r\n",
            Self::WhileTheBackendThinks => "GET /echo/slow?ms=600000 HTTP/1.1\r\n",
            Self::WhileDownloading => "GET /echo/download?bytes=1000000000 HTTP/1.1\r\n",
            Self::WhileListening | Self::InAWebSocket => "GET /echo/events HTTP/1.1\r\n",
        };
        stream.write_all(request.as_bytes()).unwrap();
        if let Self::BeforeTheHeadersEnd = self {
            return stream;
        }
        write!(stream, "Host: {address}\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
        match self {
            Self::WhileUploading => stream.write_all(&[7; PIECE]).unwrap(),
            Self::WhileDownloading | Self::WhileListening => {
                let mut status = [0; 12];
                stream.read_exact(&mut status).unwrap();
                assert_eq!(&status, b"HTTP/1.1 200");
            }
            _ => {}
        }
        stream
    }

    fn wait_until_all_are_in(self, gateway: &Gateway, received: u64, case: &str) {
        let uploaded = received + u64::try_from(CLIENTS * PIECE).unwrap();
        let deadline = Deadline::after(Duration::from_secs(30));
        let all_are_in = || match self {
            // Traefik does not report these requests, only their connections.
            Self::BeforeTheHeadersEnd => true,
            Self::WhileUploading => gateway.oic.bytes_received() >= uploaded,
            Self::WhileListening => gateway.oic.announce("news") == CLIENTS,
            _ => gateway.oic.in_flight() == CLIENTS,
        };
        while !all_are_in() {
            deadline.pause(&format!("{case}: {} requests in flight", gateway.oic.in_flight()));
        }
    }
}

/// Waits until nothing is in progress at the backend or in a plugin, and until Traefik has at most `most_fds`
/// descriptors.
fn calm(gateway: &Gateway, most_fds: usize, case: &str) {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let (requests, instances) = (gateway.oic.in_flight(), instances_at_work(gateway));
        let fds = gateway.traefik.open_fds().unwrap();
        if requests == 0 && instances == 0 && fds <= most_fds {
            return;
        }
        deadline.pause(&format!(
            "{case}: {requests} requests at the backend, {instances} instances at work, {fds} of {most_fds} descriptors"
        ));
    }
}

/// Returns the number of requests inside a plugin. It counts the stacks of Traefik's goroutines that contain its Wasm
/// host.
fn instances_at_work(gateway: &Gateway) -> usize {
    let url = format!("{}/debug/pprof/goroutine?debug=2", gateway.traefik.api_url());
    let stacks = gateway.client().get(&url).send().unwrap();
    assert_eq!(stacks.status, 200);
    let text = stacks.text();
    assert!(text.contains("goroutine"), "{text}");
    text.split("\n\n")
        .filter(|stack| stack.contains("http-wasm"))
        .count()
}

fn serves(gateway: &Gateway, token: &str) {
    let token = token.to_owned();
    let report = Load::to(&gateway.traefik.url())
        .burst(2 * CLIENTS)
        .run(move |_| get_with_bearer("/echo", &token));
    assert!(report.all_have_status(200), "{report}");
}

const PIECE: usize = 10_000;
/// The number of backend connections that may stay open for the next request. It is lower than the number of clients
/// that disconnected.
const SPARE_FDS: usize = CLIENTS / 2;
