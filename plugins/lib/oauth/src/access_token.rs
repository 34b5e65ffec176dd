//! An access token and how long it may be used.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use middleware::UnixTime;
use serde_json::Value;

/// An access token as the provider gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The value of the header `Authorization` (RFC 6750 section 2.1), which every request needs.
    authorization: Rc<str>,
    expires_at: UnixTime,
}

/// What precedes the token in that header.
const SCHEME: &str = "Bearer ";

/// The longest token accepted, in bytes. IDCS can be set to allow up to 128,000.
const LONGEST: usize = 128 * 1024;
/// The lifetime that is assumed if the provider gives none.
const UNTOLD: Duration = Duration::from_secs(60);

impl AccessToken {
    /// A token received in answer to a request sent at `asked_at`. `expires_in` is what the provider said.
    ///
    /// The provider counts the lifetime from some time after `asked_at`, and the `exp` claim of a JWT is rounded down to whole
    /// seconds. The earlier of the two counts, so that the resource server never sees an expired token. `None` if the value is
    /// not a bearer token (RFC 6750 section 2.1).
    pub fn new(value: &str, expires_in: Option<Duration>, asked_at: UnixTime) -> Option<Self> {
        let (token, padding) = value.split_at(value.find('=').unwrap_or(value.len()));
        let legal = !token.is_empty()
            && value.len() <= LONGEST
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
            && padding.bytes().all(|byte| byte == b'=');
        if !legal {
            return None;
        }
        let told = expires_in.map(|span| asked_at.plus(span));
        let claimed = expiry_claim(value);
        let expires_at = match (told, claimed) {
            (Some(told), Some(claimed)) => told.min(claimed),
            (Some(time), None) | (None, Some(time)) => time,
            (None, None) => asked_at.plus(UNTOLD),
        };
        Some(Self {
            authorization: authorization(value),
            expires_at,
        })
    }

    /// The stored form, not sealed: the expiry in milliseconds since the epoch (eight bytes, big-endian), then the token.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.expires_at.as_millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.expose().as_bytes());
        bytes
    }

    /// Reads the form that [`AccessToken::to_bytes`] writes; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (expires_at, token) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            authorization: authorization(std::str::from_utf8(token).ok()?),
            expires_at: UnixTime::from_millis(u64::from_be_bytes(*expires_at)),
        })
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.authorization.get(SCHEME.len()..).unwrap_or_default()
    }

    /// The value of the header `Authorization` with this token.
    pub const fn authorization(&self) -> &Rc<str> {
        &self.authorization
    }

    /// The time at which the token expires.
    pub const fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// When to fetch the next token: when 20 to 25 % of the lifetime are left, spread by `jitter` (0 to 255).
    pub fn refresh_at(&self, asked_at: UnixTime, jitter: u8) -> UnixTime {
        let lifetime = self.expires_at.since(asked_at);
        let ahead = lifetime / 5 + lifetime / 20 * u32::from(jitter) / 255;
        self.expires_at.minus(ahead)
    }

    /// How long to send the token: until a little before it expires, since it takes time to arrive. The margin is 15 % of the
    /// lifetime, at most five seconds.
    pub fn usable_until(&self, asked_at: UnixTime) -> UnixTime {
        const MOST: Duration = Duration::from_secs(5);
        let lifetime = self.expires_at.since(asked_at);
        self.expires_at.minus((lifetime * 3 / 20).min(MOST))
    }
}

/// The `exp` claim of a JWT. It is not verified, since the provider itself sent the token over TLS.
fn expiry_claim(token: &str) -> Option<UnixTime> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    UnixTime::from_numeric_date(claims.get("exp")?.as_f64()?)
}

/// Hides the token.
impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn authorization(token: &str) -> Rc<str> {
    format!("{SCHEME}{token}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: UnixTime = UnixTime::from_millis(1_000_900);

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_earlier_of_what_was_told_and_what_the_token_claims_counts() {
        let hour = Some(Duration::from_secs(3600));
        for (token, told, expires_ms) in [
            ("opaque".to_owned(), hour, 4_600_900),
            ("opaque".to_owned(), None, 1_060_900),
            (jwt(r#"{"exp":4600}"#), hour, 4_600_000),
            (jwt(r#"{"exp":9999}"#), hour, 4_600_900),
            (jwt(r#"{"exp":4600.25}"#), hour, 4_600_250),
            (jwt(r#"{"exp":4.6e3}"#), None, 4_600_000),
            (jwt(r#"{"exp":1e300}"#), hour, 4_600_900),
            (jwt(r#"{"exp":-1}"#), hour, 4_600_900),
            (jwt(r#"{"exp":null}"#), hour, 4_600_900),
            (jwt(r#"{"exp":4600}"#), None, 4_600_000),
            (jwt(r#"{"exp":"soon"}"#), hour, 4_600_900),
            (jwt("not json"), hour, 4_600_900),
            ("a.!.c".replace('!', "~"), hour, 4_600_900),
        ] {
            let token = AccessToken::new(&token, told, ASKED).unwrap();
            assert_eq!(token.expires_at().as_millis(), expires_ms, "{:?}", token.expose());
        }
    }

    #[test]
    fn a_value_that_is_not_a_bearer_token_is_refused() {
        for value in ["", "=", "two words", "line\nbreak", "a\u{e9}", "a=b", "a,b"] {
            assert_eq!(AccessToken::new(value, None, ASKED), None, "{value:?}");
        }
        assert!(AccessToken::new("abc==", None, ASKED).is_some());
        assert!(AccessToken::new(&"x".repeat(LONGEST + 1), None, ASKED).is_none());
    }

    #[test]
    fn refresh_comes_before_the_margin_and_the_margin_before_expiry() {
        for lifetime in [1, 2, 60, 3600, 86_400] {
            for jitter in [0, 128, 255] {
                let token = AccessToken::new("t", Some(Duration::from_secs(lifetime)), ASKED).unwrap();
                let (refresh, usable) = (token.refresh_at(ASKED, jitter), token.usable_until(ASKED));
                assert!(
                    ASKED < refresh && refresh < usable && usable < token.expires_at(),
                    "{lifetime} {jitter}"
                );
            }
        }
        let token = AccessToken::new("t", Some(Duration::from_secs(3600)), ASKED).unwrap();
        assert_eq!(
            token.expires_at().since(token.refresh_at(ASKED, 0)).as_secs(),
            720
        );
        assert_eq!(
            token.expires_at().since(token.refresh_at(ASKED, 255)).as_secs(),
            900
        );
        assert_eq!(token.expires_at().since(token.usable_until(ASKED)).as_secs(), 5);
    }

    #[test]
    fn what_is_kept_comes_back_as_it_went() {
        let token = AccessToken::new("a.b-c", Some(Duration::from_secs(60)), ASKED).unwrap();
        assert_eq!(AccessToken::from_bytes(&token.to_bytes()), Some(token));
        assert_eq!(AccessToken::from_bytes(&[0; 7]), None);
        assert_eq!(AccessToken::from_bytes(b"12345678\xff"), None);
    }

    /// As docs/options.md says.
    #[test]
    fn a_token_of_untold_lifetime_is_used_for_about_a_minute() {
        for token in ["opaque".to_owned(), jwt(r#"{"sub":"gateway"}"#)] {
            let token = AccessToken::new(&token, None, ASKED).unwrap();
            assert_eq!(token.expires_at().since(ASKED).as_secs(), 60);
            assert_eq!(token.usable_until(ASKED).since(ASKED).as_secs(), 55);
            assert_eq!(token.refresh_at(ASKED, 0).since(ASKED).as_secs(), 48);
            assert_eq!(token.refresh_at(ASKED, 255).since(ASKED).as_secs(), 45);
        }
    }

    #[test]
    fn debug_output_hides_the_token() {
        let token = AccessToken::new("hunter2", None, ASKED).unwrap();
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
