//! A TCP server whose protocol the test implements.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Starts a server on a free port of 127.0.0.1. It calls `act` with each connection, on a thread of its own. The server
/// ends with the process.
///
/// # Panics
/// Panics if there is no free port.
pub fn serve(act: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let act = Arc::new(act);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            thread::spawn(move || act(stream));
        }
    });
    address
}
