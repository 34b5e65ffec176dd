//! HAProxy: verifies the token's signature, issuer, audience and `exp` for each request, since it remembers no tokens,
//! rewrites the path, and puts a fixed token into `Authorization`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Errand, Peer, PeerError};

/// An environment variable with the path of an HAProxy binary to use in place of the installed one.
const HAPROXY_BIN: &str = "HAPROXY_BIN";

/// Starts HAProxy. The system's package manager installs it: `apt-get install haproxy`.
pub(in super::super) fn start(errand: &Errand) -> Result<Peer, PeerError> {
    let binary = binary();
    if version().is_none() {
        return Err(PeerError::Missing {
            program: "haproxy",
            variable: HAPROXY_BIN,
        });
    }
    Peer::start("HAProxy", |folder, listen| {
        let key = folder.join("issuer.pem");
        fs::write(&key, errand.key.public_pem())?;
        let config = folder.join("haproxy.cfg");
        fs::write(&config, configuration(errand, &key, listen))?;
        let mut command = Command::new(binary);
        // Stay in the foreground.
        command.args(["-db", "-f"]).arg(config);
        Ok(command)
    })
}

/// The installed version, such as `2.6.12`. `None` if there is none.
pub(in super::super) fn version() -> Option<String> {
    let output = Command::new(binary()).arg("-v").output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

fn binary() -> PathBuf {
    std::env::var_os(HAPROXY_BIN).map_or_else(|| PathBuf::from("haproxy"), PathBuf::from)
}

fn version_in(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("version ")?;
    let version = rest
        .split(|end: char| end != '.' && !end.is_ascii_digit())
        .next()?;
    Some(version.to_owned())
}

/// As many threads as there are processors, which is the default. Regular expressions have no blanks, and values are
/// quoted, as the language of this file requires.
fn configuration(errand: &Errand, key: &Path, listen: SocketAddr) -> String {
    let Errand {
        backend,
        issuer,
        audience,
        regex,
        replacement,
        token,
        ..
    } = errand;
    let key = key.display();
    format!(
        "defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s

frontend web
    bind {listen}
    http-request set-var(txn.token) http_auth_bearer
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_header_query('$.alg') -m str RS256 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str '{issuer}' }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m sub '{audience}' }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now) -m int gt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify('RS256','{key}') -m int 1 }}
    http-request set-header Authorization 'Bearer {token}'
    http-request replace-path '{regex}' '{replacement}'
    default_backend api

backend api
    server one {backend}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_in_the_configuration() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 2));
        let text = configuration(&Errand::example(), Path::new("/key.pem"), listen);
        for part in [
            "bind 127.0.0.1:2\n",
            "('$.iss') -m str 'https://issuer.example/'",
            "('$.aud') -m sub 'https://api.example/'",
            "jwt_verify('RS256','/key.pem') -m int 1",
            "Authorization 'Bearer t'",
            "replace-path '^/echo(/.*)?$' '/new\\1'",
            "server one 127.0.0.1:1\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_version_is_read_without_what_the_distribution_adds() {
        let said = "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n";
        assert_eq!(version_in(said).as_deref(), Some("2.6.12"));
        assert_eq!(version_in("not found"), None);
    }
}
