//! What a middleware may decide about a request.

use crate::{Problem, work};

/// The outcome of looking at a request. The guest shell alone carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Pass the request on to the next handler, changed as told.
    Forward(Edits),
    /// Answer now; the next handler never sees the request.
    Reply(Reply),
}

impl From<Problem> for Decision {
    fn from(problem: Problem) -> Self {
        Self::Reply(problem.into())
    }
}

/// Changes to a request, applied in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

/// One change to a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replace every value of a request header by one.
    SetHeader(String, String),
    /// Add a value to a request header.
    AddHeader(String, String),
    /// Remove every value of a request header.
    RemoveHeader(String),
    /// Replace path and query. Must be a valid request target: the host panics on anything else.
    SetUri(String),
}

impl Edit {
    /// Whether `earlier` makes no difference once this change has been made.
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
            Self::SetHeader(name, _) => write!(f, "SetHeader({name})"),
            Self::AddHeader(name, _) => write!(f, "AddHeader({name})"),
            Self::RemoveHeader(name) => write!(f, "RemoveHeader({name})"),
            Self::SetUri(uri) => write!(f, "SetUri({uri})"),
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
    pub fn set_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Edit::SetHeader(name.into(), value.into()));
        self
    }

    /// Adds `value` to the request header `name`.
    #[must_use]
    pub fn add_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Edit::AddHeader(name.into(), value.into()));
        self
    }

    /// Removes every value of the request header `name`.
    #[must_use]
    pub fn remove_header(mut self, name: impl Into<String>) -> Self {
        self.0.push(Edit::RemoveHeader(name.into()));
        self
    }

    /// Replaces path and query by `uri`, which must be a valid request target.
    #[must_use]
    pub fn set_uri(mut self, uri: impl Into<String>) -> Self {
        self.0.push(Edit::SetUri(uri.into()));
        self
    }

    /// The changes, in the order they apply.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Edit> {
        self.0.iter()
    }

    /// Adds the changes `later`. What they make pointless is dropped: each costs a call of the host.
    pub fn append(&mut self, later: Self) {
        // A caller may have made `later` long, with many aliases of one header, but never both lists.
        self.0.retain(|earlier| {
            work(later.0.len());
            !later.0.iter().any(|edit| edit.supersedes(earlier))
        });
        self.0.extend(later.0);
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
