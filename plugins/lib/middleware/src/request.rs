//! What a middleware may see of a request and its answer.

use crate::Values;

/// The current request: its head and, on demand, its body.
///
/// Everything is lent for as long as the request is borrowed, so reading allocates nothing. Every method may be a call
/// into the host, which takes some hundred nanoseconds, so ask only for what is needed.
pub trait RequestHead {
    /// Method, for example `GET`.
    fn method(&self) -> &[u8];

    /// Escaped path and query, for example `/echo/a%20b?x=1`; at least `/`.
    fn uri(&self) -> &[u8];

    /// Every value of the header `name` (any case), in the order the client sent them.
    fn header(&self, name: &str) -> Values<'_>;

    /// The name of every header, in any case; each once.
    fn header_names(&self) -> Values<'_>;

    /// The whole body, which the next handler also sees. `None` if the body has more than `limit` bytes. The body is
    /// lost then, so such a request must be refused.
    fn body(&self, limit: usize) -> Option<Vec<u8>>;
}

/// The head of the answer to the current request, without its status. To read the status, the host would have to hold
/// back the whole answer, which would break streaming.
pub trait ResponseHead {
    /// Whether the answer has the header `name` (any case).
    fn has_header(&self, name: &str) -> bool;
}
