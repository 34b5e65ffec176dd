//! A minimal GET without a client library, for a Traefik that may not be running yet.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Returns status and body. It uses HTTP/1.0, so the body ends with the connection.
pub(super) fn http_get(address: SocketAddr, path: &str) -> io::Result<(u16, Vec<u8>)> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("no HTTP answer"))
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end + 4);
    let status = std::str::from_utf8(head).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_told_apart() {
        for (answer, expected) in [
            (
                "HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody",
                Some((200, b"body".to_vec())),
            ),
            ("HTTP/1.1 418 I'm a teapot\r\n\r\n", Some((418, Vec::new()))),
            ("HTTP/1.0 200 OK\r\n", None),
            ("", None),
            ("nonsense\r\n\r\n", None),
        ] {
            assert_eq!(parse(answer.as_bytes()), expected, "{answer:?}");
        }
    }
}
