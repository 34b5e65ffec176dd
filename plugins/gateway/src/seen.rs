//! The request as the next middleware would see it.

use bytes::Bytes;
use middleware::{Decision, Edit, Edits, Middleware, Reply, RequestHead};

/// A request, what was changed about it so far, and the answer, if somebody gave one.
pub(crate) struct Seen<'r> {
    request: &'r dyn RequestHead,
    edits: Edits,
    reply: Option<Reply>,
}

impl<'r> Seen<'r> {
    pub(crate) fn new(request: &'r dyn RequestHead) -> Self {
        Self {
            request,
            edits: Edits::none(),
            reply: None,
        }
    }

    /// Shows the request to the next middleware, unless one before has answered.
    pub(crate) fn pass<M: Middleware>(&mut self, middleware: Option<&mut M>) {
        let Some(middleware) = middleware.filter(|_| self.reply.is_none()) else {
            return;
        };
        match middleware.on_request(self) {
            Decision::Forward(edits) => self.edits.append(edits),
            Decision::Reply(reply) => self.reply = Some(reply),
        }
    }

    /// What came of it.
    pub(crate) fn decision(self) -> Decision {
        match self.reply {
            Some(reply) => Decision::Reply(reply),
            None => Decision::Forward(self.edits),
        }
    }
}

impl RequestHead for Seen<'_> {
    fn method(&self) -> Bytes {
        self.request.method()
    }

    fn uri(&self) -> Bytes {
        let new = self.edits.iter().rev().find_map(|edit| match edit {
            Edit::SetUri(uri) => Some(Bytes::copy_from_slice(uri.as_bytes())),
            _ => None,
        });
        new.unwrap_or_else(|| self.request.uri())
    }

    fn header(&self, name: &str) -> Vec<Bytes> {
        let bytes = |value: &String| Bytes::copy_from_slice(value.as_bytes());
        // The host is asked only for what nobody has replaced.
        let mut values = None;
        for edit in self.edits.iter() {
            match edit {
                Edit::SetHeader(set, value) if set.eq_ignore_ascii_case(name) => {
                    values = Some(vec![bytes(value)]);
                }
                Edit::RemoveHeader(removed) if removed.eq_ignore_ascii_case(name) => {
                    values = Some(Vec::new())
                }
                Edit::AddHeader(added, value) if added.eq_ignore_ascii_case(name) => values
                    .get_or_insert_with(|| self.request.header(name))
                    .push(bytes(value)),
                _ => {}
            }
        }
        values.unwrap_or_else(|| self.request.header(name))
    }

    fn header_names(&self) -> Vec<Bytes> {
        let mut names = self.request.header_names();
        for edit in self.edits.iter() {
            match edit {
                Edit::RemoveHeader(name) => {
                    names.retain(|other| !other.eq_ignore_ascii_case(name.as_bytes()))
                }
                Edit::SetHeader(name, _) | Edit::AddHeader(name, _) => {
                    if !names
                        .iter()
                        .any(|other| other.eq_ignore_ascii_case(name.as_bytes()))
                    {
                        names.push(Bytes::copy_from_slice(name.as_bytes()));
                    }
                }
                Edit::SetUri(_) => {}
            }
        }
        names
    }

    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        self.request.body(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Original;

    impl RequestHead for Original {
        fn method(&self) -> Bytes {
            Bytes::from_static(b"GET")
        }
        fn uri(&self) -> Bytes {
            Bytes::from_static(b"/original")
        }
        fn header(&self, name: &str) -> Vec<Bytes> {
            match name.to_ascii_lowercase().as_str() {
                "a" => vec![Bytes::from_static(b"1"), Bytes::from_static(b"2")],
                _ => Vec::new(),
            }
        }
        fn header_names(&self) -> Vec<Bytes> {
            vec![Bytes::from_static(b"a")]
        }
        fn body(&self, _: usize) -> Option<Vec<u8>> {
            None
        }
    }

    #[test]
    fn a_middleware_sees_what_the_ones_before_did() {
        let table = [
            (Edits::none(), vec!["1", "2"], "/original"),
            (Edits::none().set_header("A", "x"), vec!["x"], "/original"),
            (Edits::none().remove_header("a"), vec![], "/original"),
            (
                Edits::none().add_header("A", "3"),
                vec!["1", "2", "3"],
                "/original",
            ),
            (
                Edits::none().remove_header("A").add_header("a", "4"),
                vec!["4"],
                "/original",
            ),
            (
                Edits::none().set_header("b", "x").set_uri("/one").set_uri("/two"),
                vec!["1", "2"],
                "/two",
            ),
        ];
        for (edits, values, uri) in table {
            let shown = format!("{edits:?}");
            let mut seen = Seen::new(&Original);
            seen.edits.append(edits);
            assert_eq!(seen.header("a"), values, "{shown}");
            assert_eq!(seen.uri(), uri, "{shown}");
            let has_a = seen
                .header_names()
                .iter()
                .any(|name| name.eq_ignore_ascii_case(b"a"));
            assert_eq!(has_a, !values.is_empty(), "{shown}");
            assert_eq!(seen.method(), "GET");
        }
    }
}
