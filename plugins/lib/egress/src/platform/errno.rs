//! The host's error numbers, in words.

use std::fmt;

/// Formats a WASI error number for people.
pub(super) struct InWords(pub(super) u16);

/// The errors of lookups, connections, streams and directories. The numbers are those of WASI preview 1.
const WORDS: [(u16, &str); 35] = [
    (0, "inside the gateway"),
    (2, "permission denied"),
    (4, "no local address is free"),
    (5, "this machine does not speak the address's kind of IP"),
    (6, "nothing happened in time"),
    (8, "the socket is closed"),
    (10, "it is busy"),
    (13, "the connection was aborted on this machine"),
    (14, "connection refused: nothing listens on this port"),
    (15, "the other side reset the connection"),
    (23, "no route to the host"),
    (27, "the host was interrupted"),
    (28, "the address is not valid"),
    (29, "input or output failed"),
    (31, "it is a directory"),
    (32, "too many symbolic links"),
    (33, "Traefik has too many open files"),
    (37, "the name is too long"),
    (38, "the network is down"),
    (39, "the network dropped the connection"),
    (40, "the network cannot be reached"),
    (41, "this machine has too many open files"),
    (42, "the system has no buffers left"),
    (48, "the system has no memory left"),
    (53, "the socket is not connected"),
    (54, "it is not a directory"),
    (55, "the directory is not empty"),
    (57, "not a socket"),
    (58, "not supported by the host"),
    (63, "not permitted"),
    (64, "the other side closed the connection"),
    (66, "the host does not speak TCP"),
    (73, "no answer in time"),
    (75, "it is on another file system"),
    (76, "the host does not permit it"),
];

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        match WORDS.iter().find(|(known, _)| known == number) {
            Some((_, words)) => f.write_str(words),
            None => write!(f, "error number {number}"),
        }
    }
}

/// Returns the WASI error number for an error of the operating system.
#[cfg(not(target_family = "wasm"))]
pub(super) fn of_io(error: &std::io::Error) -> u16 {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied => 2,
        ErrorKind::AddrNotAvailable => 4,
        ErrorKind::ConnectionAborted => 13,
        ErrorKind::ConnectionRefused => 14,
        ErrorKind::ConnectionReset => 15,
        ErrorKind::HostUnreachable => 23,
        ErrorKind::NetworkDown => 38,
        ErrorKind::NetworkUnreachable => 40,
        ErrorKind::NotConnected => 53,
        ErrorKind::BrokenPipe => 64,
        ErrorKind::TimedOut => 73,
        _ => 29,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::sockets::SocketError;

    #[test]
    fn numbers_are_said_in_words_and_in_order() {
        assert!(WORDS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert_eq!(
            SocketError::Refused(14).to_string(),
            "connection refused: nothing listens on this port"
        );
        assert_eq!(
            SocketError::Broken(15).to_string(),
            "the other side reset the connection"
        );
        assert_eq!(SocketError::Refused(99).to_string(), "error number 99");
    }

    #[test]
    fn what_the_operating_system_says_has_the_same_words() {
        let refused = std::net::TcpStream::connect("127.0.0.1:1").unwrap_err();
        assert_eq!(of_io(&refused), 14);
    }
}
