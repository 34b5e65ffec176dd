//! The URL of an endpoint.

use std::fmt;

use http::Uri;
use middleware::{Event, Host};

/// An absolute `https://` or `http://` URL without user information and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    https: bool,
    host: String,
    port: u16,
}

/// Why a URL is not acceptable. The text continues a sentence that begins with the option's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an absolute URL like https://host/path, without user name, password or #fragment")]
pub struct UrlError;

impl Url {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`UrlError`] for anything other than such a URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.contains('#') {
            return Err(UrlError); // `http::Uri` silently drops fragments
        }
        Self::from_uri(text.parse().map_err(|_| UrlError)?)
    }

    /// Makes a URL of the URI of a request.
    ///
    /// # Errors
    /// [`UrlError`] for anything other than such a URL.
    pub fn from_uri(uri: Uri) -> Result<Self, UrlError> {
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(UrlError),
        };
        let authority = uri.authority().ok_or(UrlError)?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(UrlError);
        }
        // `http::Uri` keeps the brackets of an IPv6 address, which resolvers and TLS do not accept.
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .to_owned();
        let port = match (authority.port(), https) {
            (Some(port), _) => port.as_u16(),
            (None, true) => 443,
            (None, false) => 80,
        };
        Ok(Self {
            uri,
            https,
            host,
            port,
        })
    }

    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or that of the scheme if none is given.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// True for `https`.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Logs a warning if this URL, the value of `option`, is without TLS. `problem` says what that means.
    pub fn warn_if_plain(&self, option: &str, problem: &str, host: &dyn Host) {
        if !self.is_https() {
            host.log(
                &Event::warn("configuration.insecure")
                    .field("option", option)
                    .field("problem", problem),
            );
        }
    }

    /// The URL as the URI of a request.
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_documents_write() {
        for (text, host, port, https) in [
            (
                "https://idcs-1.identity.oraclecloud.com:443/admin/v1/SigningCert/jwk",
                "idcs-1.identity.oraclecloud.com",
                443,
                true,
            ),
            (
                "https://idcs-1.identity.oraclecloud.com/oauth2/v1/token",
                "idcs-1.identity.oraclecloud.com",
                443,
                true,
            ),
            ("http://127.0.0.1:8080/x?y=1", "127.0.0.1", 8080, false),
            ("https://[::1]:8443/", "::1", 8443, true),
            ("https://localhost", "localhost", 443, true),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.host(), url.port(), url.is_https()),
                (host, port, https),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "/path",
            "idcs.example.com",
            "ftp://x/",
            "https://",
            "https://user:pw@host/",
            "https://host/#f",
            "https://ho st/",
            "HTTPS:/x",
        ] {
            assert_eq!(Url::parse(text), Err(UrlError), "{text}");
        }
    }
}
