//! The requests of the rows. Apart from the token, all rows send the same bytes.

use std::thread;

use super::generator::Requests;
use harness::idcs::IdcsHandle;

/// A GET request for `path` with this token.
pub(super) fn get(path: &str, token: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// Repeats the same requests over and over.
pub(super) struct Repeated {
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Repeated {
    /// Combines every path with every token.
    pub(super) fn new(paths: &[String], tokens: &[String]) -> Self {
        let with_tokens = |path: &String| tokens.iter().map(|token| get(path, token)).collect::<Vec<_>>();
        Self {
            requests: paths.iter().flat_map(with_tokens).collect(),
            next: 0,
        }
    }

    /// The number of different requests.
    pub(super) fn distinct(&self) -> usize {
        self.requests.len()
    }
}

impl Requests for Repeated {
    fn next(&mut self) -> Option<&[u8]> {
        if self.next >= self.requests.len() {
            self.next = 0;
        }
        let request = self.requests.get(self.next)?;
        self.next += 1;
        Some(request)
    }
}

/// Sends every token once, in order.
pub(super) struct Once<'t> {
    path: &'t str,
    tokens: &'t [String],
    used: usize,
    request: Vec<u8>,
}

impl<'t> Once<'t> {
    pub(super) fn new(path: &'t str, tokens: &'t [String]) -> Self {
        let (used, request) = (0, Vec::new());
        Self {
            path,
            tokens,
            used,
            request,
        }
    }

    /// How many tokens have been sent.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl Requests for Once<'_> {
    fn next(&mut self) -> Option<&[u8]> {
        let token = self.tokens.get(self.used)?;
        self.used += 1;
        self.request = get(self.path, token);
        Some(&self.request)
    }
}

/// Tokens made in advance. They differ in `jti`, so their signatures differ too.
#[derive(Default)]
pub(super) struct TokenStore {
    tokens: Vec<String>,
}

impl TokenStore {
    /// Returns `count` tokens from number `from` on. Signs the missing ones now, on all processors.
    pub(super) fn take(&mut self, idcs: &IdcsHandle, from: usize, count: usize) -> &[String] {
        let until = from + count;
        let missing = until.saturating_sub(self.tokens.len());
        if missing > 0 {
            self.tokens.extend(sign(idcs, missing));
        }
        self.tokens.get(from..until).unwrap_or_default()
    }
}

/// Signs `count` different tokens for the gateway's API, valid for a day.
pub(super) fn sign(idcs: &IdcsHandle, count: usize) -> Vec<String> {
    const DAY: i64 = 24 * 60 * 60;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let share = (count + number) / threads;
                scope.spawn(move || {
                    let mint = |_| idcs.client_token().expires_in(DAY).mint();
                    (0..share).map(mint).collect::<Vec<String>>()
                })
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<String>>| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::idcs::Idcs;
    use std::collections::HashSet;

    fn all(requests: &mut dyn Requests, count: usize) -> Vec<String> {
        (0..count)
            .filter_map(|_| {
                requests
                    .next()
                    .map(|request| String::from_utf8(request.to_vec()).unwrap())
            })
            .collect()
    }

    #[test]
    fn repeated_requests_begin_again() {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let mut requests = Repeated::new(&list(&["/a", "/b"]), &list(&["x", "y"]));
        let seen = all(&mut requests, 5);
        assert!(
            seen[1].starts_with("GET /a HTTP/1.1\r\n") && seen[1].contains("Authorization: Bearer y\r\n")
        );
        assert!(seen[2].starts_with("GET /b ") && seen[4] == seen[0] && seen[3].ends_with("\r\n\r\n"));
    }

    #[test]
    fn no_token_is_sent_twice() {
        let idcs = Idcs::builder().plain_http().start();
        let mut store = TokenStore::default();
        let first = store.take(&idcs, 0, 3).to_vec();
        let again = store.take(&idcs, 1, 4).to_vec();
        assert_eq!(first[1..], again[..2]);
        let distinct: HashSet<&String> = first.iter().chain(&again).collect();
        assert_eq!(distinct.len(), 5);
        let mut once = Once::new("/", &again);
        assert_eq!((all(&mut once, 9).len(), once.used()), (4, 4));
    }

    #[test]
    fn every_number_of_tokens_can_be_shared_out() {
        let idcs = Idcs::builder().plain_http().start();
        for count in [0, 1, 2, 5] {
            assert_eq!(sign(&idcs, count).len(), count);
        }
    }
}
