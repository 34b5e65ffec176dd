//! What a middleware may decide about a request.

use std::cell::Cell;

use crate::{Problem, Reason, RequestHead, Text, Values, work};

/// What to do with a request. The guest shell carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Forward the request to the next handler with these changes.
    Forward(Edits),
    /// Answer now. The next handler never sees the request.
    Reply(Reply),
}

impl Decision {
    /// Refuses a request whose `Connection` header names a header that this decision sets, because Traefik would remove
    /// that header after the plugin (RFC 9110 §7.6.1). By default Traefik applies and removes `Connection` before any
    /// middleware; `forwardedHeaders.connection` of an entry point keeps the names listed there in the request.
    #[must_use]
    pub fn unless_undone(self, request: &dyn RequestHead) -> Self {
        match &self {
            Self::Forward(edits)
                if edits.set_any_header() && edits.are_undone_by(&request.header("Connection")) =>
            {
                Problem::new(Reason::InvalidRequest).into()
            }
            _ => self,
        }
    }
}

impl From<Problem> for Decision {
    fn from(problem: Problem) -> Self {
        Self::Reply(problem.into())
    }
}

/// Changes to a request, applied in order.
///
/// Every request makes a few of these and drops them again, so their buffers are used again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

thread_local! {
    /// Empty buffers. A request has two lists of changes at a time: those made so far, and those of one middleware.
    static SPARE: Cell<[Vec<Edit>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

impl Drop for Edits {
    fn drop(&mut self) {
        const MOST: usize = 16;
        if (1..=MOST).contains(&self.0.capacity()) {
            self.0.clear();
            let buffer = std::mem::take(&mut self.0);
            let [newest, _] = SPARE.take();
            SPARE.set([buffer, newest]);
        }
    }
}

/// One change to a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replace every value of a request header by one.
    SetHeader(Text, Text),
    /// Add a value to a request header.
    AddHeader(Text, Text),
    /// Remove every value of a request header.
    RemoveHeader(Text),
    /// Replace path and query. Must be a valid request target: the host panics on anything else.
    SetUri(Text),
}

impl Edit {
    /// The header that gets a value.
    fn name_of_header_set(&self) -> Option<&str> {
        match self {
            Self::SetHeader(name, _) | Self::AddHeader(name, _) => Some(name),
            Self::RemoveHeader(_) | Self::SetUri(_) => None,
        }
    }

    /// Whether this change makes `earlier` irrelevant.
    fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::SetUri(_), Self::SetUri(_)) => true,
            (
                Self::SetHeader(name, _) | Self::RemoveHeader(name),
                Self::SetHeader(other, _) | Self::AddHeader(other, _) | Self::RemoveHeader(other),
            ) => name.eq_ignore_ascii_case(other),
            _ => false,
        }
    }
}

/// Header values may be tokens, so only names are shown.
impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SetHeader(name, _) => write!(f, "SetHeader({})", &**name),
            Self::AddHeader(name, _) => write!(f, "AddHeader({})", &**name),
            Self::RemoveHeader(name) => write!(f, "RemoveHeader({})", &**name),
            Self::SetUri(uri) => write!(f, "SetUri({})", &**uri),
        }
    }
}

impl Edits {
    /// No change.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Replaces every value of the request header `name` by `value`.
    #[must_use]
    pub fn set_header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.push(Edit::SetHeader(name.into(), value.into()));
        self
    }

    /// Adds `value` to the request header `name`.
    #[must_use]
    pub fn add_header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.push(Edit::AddHeader(name.into(), value.into()));
        self
    }

    /// Removes every value of the request header `name`.
    #[must_use]
    pub fn remove_header(mut self, name: impl Into<Text>) -> Self {
        self.push(Edit::RemoveHeader(name.into()));
        self
    }

    /// Replaces path and query by `uri`, which must be a valid request target.
    #[must_use]
    pub fn set_uri(mut self, uri: impl Into<Text>) -> Self {
        self.push(Edit::SetUri(uri.into()));
        self
    }

    fn push(&mut self, edit: Edit) {
        if self.0.capacity() == 0 {
            let [newest, other] = SPARE.take();
            SPARE.set([other, Vec::new()]);
            self.0 = newest;
        }
        self.0.push(edit);
    }

    fn set_any_header(&self) -> bool {
        self.0.iter().any(|edit| edit.name_of_header_set().is_some())
    }

    /// Whether a `Connection` header with these values names one of the headers that are set.
    fn are_undone_by(&self, connection: &Values<'_>) -> bool {
        let mut named = connection
            .iter()
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii);
        named.any(|named| {
            let mut set = self.0.iter().filter_map(Edit::name_of_header_set);
            set.any(|name| name.as_bytes().eq_ignore_ascii_case(named))
        })
    }

    /// Whether there are no changes.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes, in the order they apply.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Edit> {
        self.0.iter()
    }

    /// Adds the changes `later`, and drops changes that they make irrelevant, since each change costs a host call.
    pub fn append(&mut self, mut later: Self) {
        if self.0.is_empty() {
            *self = later;
            return;
        }
        // A caller can make `later` long, with many aliases of one header, but never both lists.
        self.0.retain(|earlier| {
            work(later.0.len());
            !later.0.iter().any(|edit| edit.supersedes(earlier))
        });
        self.0.append(&mut later.0);
    }
}

/// A complete answer to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Response headers, names in canonical case.
    pub headers: Vec<(&'static str, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_doubles::request::Request;

    #[test]
    fn a_request_is_refused_if_its_connection_header_names_a_header_we_set() {
        let edits = || {
            Edits::none()
                .set_header("Authorization", "Bearer x")
                .add_header("X-Forwarded-User", "jane")
                .remove_header("X-Gone")
                .set_uri("/x")
        };
        for (connection, is_refused) in [
            (&[][..], false),
            (&["close"], false),
            (&["Upgrade"], false),
            (&["keep-alive, X-Gone"], false),
            (&["X-Forwarded-Users"], false),
            (&["close, X-Forwarded-User"], true),
            (&["close,authorization"], true),
            (&["Upgrade", "keep-alive ,\tx-forwarded-user "], true),
        ] {
            let request =
                Request::get("/").with_headers(connection.iter().map(|value| ("Connection", value)));
            let decision = Decision::Forward(edits()).unless_undone(&request);
            let refused = Decision::from(Problem::new(Reason::InvalidRequest));
            let expected = match is_refused {
                true => refused,
                false => Decision::Forward(edits()),
            };
            assert_eq!(decision, expected, "{connection:?}");
        }
        // Nothing is set, so the header is not read.
        let unchanged = Decision::Forward(Edits::none().remove_header("Authorization"));
        let request = Request::get("/").with_header("Connection", "Authorization");
        assert_eq!(unchanged.clone().unless_undone(&request), unchanged);
        assert!(request.headers_read().is_empty());
    }

    #[test]
    fn appended_changes_replace_those_they_make_pointless() {
        let removed = || Edits::none().remove_header("Authorization");
        let table = [
            (
                removed(),
                Edits::none().set_header("authorization", "x"),
                Edits::none().set_header("authorization", "x"),
            ),
            (
                Edits::none().set_uri("/one"),
                Edits::none().set_uri("/two"),
                Edits::none().set_uri("/two"),
            ),
            (
                Edits::none().add_header("a", "1").set_header("b", "1"),
                Edits::none().add_header("A", "2").remove_header("B"),
                Edits::none()
                    .add_header("a", "1")
                    .add_header("A", "2")
                    .remove_header("B"),
            ),
            (removed(), Edits::none(), removed()),
        ];
        for (mut earlier, later, together) in table {
            earlier.append(later);
            assert_eq!(earlier, together);
        }
    }
}
