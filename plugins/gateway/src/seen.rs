//! The request as the next middleware sees it.

use std::collections::BTreeMap;

use middleware::{Decision, Edit, Edits, Middleware, Reply, RequestHead, UnixTime, Values, work};

/// A request, the changes to it so far, and the answer, if there is one.
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

    /// Passes the request to the next middleware, unless an earlier one has answered.
    pub(crate) fn pass<M: Middleware>(&mut self, middleware: Option<&mut M>, now: UnixTime) {
        let Some(middleware) = middleware.filter(|_| self.reply.is_none()) else {
            return;
        };
        // While nothing has changed, the request itself is what the next middleware sees.
        let request = match self.edits.is_empty() {
            true => self.request,
            false => self,
        };
        match middleware.on_request(request, now) {
            Decision::Forward(edits) => self.edits.append(edits),
            Decision::Reply(reply) => self.reply = Some(reply),
        }
    }

    /// Returns the combined decision of all middlewares.
    pub(crate) fn decision(self) -> Decision {
        match self.reply {
            Some(reply) => Decision::Reply(reply),
            None => Decision::Forward(self.edits),
        }
    }
}

impl RequestHead for Seen<'_> {
    fn method(&self) -> &[u8] {
        self.request.method()
    }

    fn uri(&self) -> &[u8] {
        let new = self.edits.iter().rev().find_map(|edit| match edit {
            Edit::SetUri(uri) => Some(uri.as_bytes()),
            _ => None,
        });
        new.unwrap_or_else(|| self.request.uri())
    }

    fn header(&self, name: &str) -> Values<'_> {
        // Ask the host only for values that no middleware has replaced.
        let mut values = None;
        for edit in self.edits.iter() {
            match edit {
                Edit::SetHeader(set, value) if set.eq_ignore_ascii_case(name) => {
                    values = Some([value.as_bytes()].iter().collect());
                }
                Edit::RemoveHeader(removed) if removed.eq_ignore_ascii_case(name) => {
                    values = Some(Values::NONE);
                }
                Edit::AddHeader(added, value) if added.eq_ignore_ascii_case(name) => {
                    let before = values.take().unwrap_or_else(|| self.request.header(name));
                    values = Some(before.iter().chain([value.as_bytes()]).collect());
                }
                _ => {}
            }
        }
        values.unwrap_or_else(|| self.request.header(name))
    }

    fn header_names(&self) -> Values<'_> {
        // The last change to a name decides whether it exists. Callers can make both lists long, so a map avoids
        // comparing all pairs.
        let mut changed: BTreeMap<Vec<u8>, Option<&str>> = BTreeMap::new();
        for edit in self.edits.iter() {
            let (name, is_there) = match edit {
                Edit::RemoveHeader(name) => (name, None),
                Edit::SetHeader(name, _) | Edit::AddHeader(name, _) => (name, Some(&**name)),
                Edit::SetUri(_) => continue,
            };
            work(PER_NAME);
            changed.insert(name.to_ascii_lowercase().into_bytes(), is_there);
        }
        let names = self.request.header_names();
        if changed.is_empty() {
            return names;
        }
        let unchanged = names.iter().filter(|name| {
            work(PER_NAME);
            !changed.contains_key(&name.to_ascii_lowercase())
        });
        let there = changed.values().flatten().map(|name| name.as_bytes());
        unchanged.chain(there).collect()
    }

    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        self.request.body(limit)
    }
}

/// The cost of looking up a name, in units of [`work`].
const PER_NAME: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::{STRETCH, watch};
    use test_doubles::Request;

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
            let request = Request::get("/original").with_headers([("a", "1"), ("a", "2")]);
            let mut seen = Seen::new(&request);
            seen.edits.append(edits);
            assert_eq!(seen.header("a"), values.iter().collect(), "{shown}");
            assert_eq!(seen.uri(), uri.as_bytes(), "{shown}");
            let has_a = seen
                .header_names()
                .iter()
                .any(|name| name.eq_ignore_ascii_case(b"a"));
            assert_eq!(has_a, !values.is_empty(), "{shown}");
            assert_eq!(seen.method(), b"GET");
        }
    }

    #[test]
    fn work_grows_with_the_number_of_names_and_not_with_its_square() {
        let steps = |count: usize| {
            // Headers that look like those that a middleware sets, all of which are removed.
            let names = (0..count).map(|index| format!("x-{index}"));
            let request = Request::get("/").with_header_names(names);
            let mut seen = Seen::new(&request);
            let removed = (0..count).fold(Edits::none(), |edits, index| {
                edits.remove_header(format!("X-{index}"))
            });
            let (names, pace) = watch(|| {
                seen.edits.append(removed);
                seen.edits.append(Edits::none().set_header("Authorization", "x"));
                seen.header_names().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
            });
            assert_eq!(names, [b"Authorization"]);
            assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
            pace.steps
        };
        let (few, many) = (steps(1_000), steps(10_000));
        assert!(many <= 11 * few, "{few} {many}");
    }
}
