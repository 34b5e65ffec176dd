//! HTTP(S) requests to the identity provider: one connection each, bounded in time and size, and retried.
//!
//! * One deadline covers everything from the name lookup to the last byte, retries included.
//! * An attempt is repeated if it failed below HTTP, or with status 502, 503 or 504. It is not repeated after 429: then
//!   the provider asks for fewer requests. A request that must arrive only once ([`SendOnce`]) is repeated only if no
//!   part of it was sent (`retry`).
//! * Redirects are not followed: a token endpoint has no reason to send the gateway's credentials elsewhere.
//! * The body of an answer is read up to [`MAX_BODY`] bytes, and everything around it up to another limit (`exchange`).

mod client;
mod exchange;
mod extensions;
mod retry;
mod url;

pub use self::client::HttpClient;
pub use self::exchange::MAX_BODY;
pub use self::extensions::{Repeated, SendOnce};
pub use self::url::Url;
