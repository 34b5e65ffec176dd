//! `pathRewrite`: rewrites the path that a client calls into the path that the backend expects.
//!
//! This crate implements the semantics of Traefik's `replacePathRegex` (Go's regular expressions, templates, and
//! escaped paths, and the header `X-Replaced-Path`) and adds a list of rules. It refuses a result that is not a valid
//! request target or that contains dot segments.
//!
//! No path can make a request cost more than a few milliseconds at a time, because [`rules`] bounds every search.
//!
//! The crate `guest` handles the http-wasm ABI. Traefik's routers match hosts and methods.
//!
//! How a request is handled: [`rules`] finds the first rule whose regex ([`go_regex`]) matches and expands its
//! replacement ([`go_expand`]). Then [`target`] turns the result into a request target, or refuses it.
#![forbid(unsafe_code)]

pub mod config;
pub mod go_expand;
pub mod go_regex;
pub mod rules;
pub mod target;

use std::rc::Rc;

use middleware::{
    ConfigError, Decision, Edits, Event, Host, Middleware, Problem, Reason, RequestHead, UnixTime, work,
};

use rules::{LONGEST_PATH, Rewritten, Rules};

/// The header that tells the backend which path the client called.
pub const REPLACED_PATH_HEADER: &str = "X-Replaced-Path";

/// The middleware: the compiled rules.
pub struct PathRewrite {
    rules: Rules,
    host: Rc<dyn Host>,
}

impl Middleware for PathRewrite {
    const NAME: &'static str = "pathRewrite";

    type Services = Rc<dyn Host>;

    fn new(config: &[u8], host: Self::Services) -> Result<Self, ConfigError> {
        let rules = Rules::new(config::parse(config)?)?;
        for (field, group) in rules.unknown_groups() {
            host.log(
                &Event::warn("rewrite.unknown_group")
                    .field("field", field)
                    .field("group", group)
                    .field("effect", "expands to nothing, for the regex has no such group")
                    .field(
                        "cure",
                        "a group's name ends before a letter, digit or _ only in braces: ${1}x",
                    ),
            );
        }
        for (field, longest) in rules.costly_regexes() {
            host.log(
                &Event::warn("rewrite.costly_regex")
                    .field("field", field)
                    .field("longest_path", longest)
                    .field(
                        "effect",
                        "longer paths are refused with 400, since a search in them could stop Traefik for a noticeable time",
                    )
                    .field(
                        "cure",
                        "begin the regex with ^, lower the counts in braces, or divide it into several rules",
                    ),
            );
        }
        Ok(Self { rules, host })
    }

    /// Forwards a request that no rule matches unchanged, as Traefik's own middleware does.
    fn on_request(&mut self, request: &dyn RequestHead, _: UnixTime) -> Decision {
        let uri = request.uri();
        work(uri.len());
        let (path, query) = target::split(uri);
        // The host escapes the path. If it were not ASCII, the rules would not mean the same as in Traefik.
        let Some(path) = std::str::from_utf8(path).ok().filter(|path| path.is_ascii()) else {
            return self.refuse(None, "the path is not percent-encoded");
        };
        if path.len() > LONGEST_PATH {
            return self.refuse(None, format_args!("the path has more than {LONGEST_PATH} bytes"));
        }
        let Rewritten { rule, path: new } = match self.rules.apply(path) {
            Ok(Some(rewritten)) => rewritten,
            Ok(None) => return Decision::Forward(Edits::none()),
            Err((rule, why)) => return self.refuse(Some(rule), why),
        };
        match target::build(new, query) {
            Ok(target) => Decision::Forward(
                Edits::none()
                    .add_header(REPLACED_PATH_HEADER, path.to_owned())
                    .set_uri(target),
            ),
            Err(refusal) => self.refuse(Some(rule), refusal),
        }
    }
}

impl PathRewrite {
    /// Does not log the path itself: it belongs to the client, and the access log contains it.
    #[cold]
    fn refuse(&self, rule: Option<usize>, why: impl std::fmt::Display) -> Decision {
        let mut event = Event::info("rewrite.refused");
        if let Some(rule) = rule {
            event = event.field("rule", rule);
        }
        self.host.log(&event.field("why", why));
        Problem::new(Reason::InvalidPath).into()
    }
}

#[cfg(test)]
mod tests {
    use middleware::Edit;
    use test_doubles::{Request, TestHost, decide as decide_with};

    use super::*;

    const ECHO: &str =
        r#"{"regex":"^/echo(/.*)?$","replacement":"/ic/api/integration/v2/flows/rest/project/P/I/1.0$1"}"#;

    fn decide(config: &str, uri: &[u8]) -> (Decision, Vec<String>) {
        let host = Rc::new(TestHost::new());
        let mut middleware = PathRewrite::new(config.as_bytes(), host.clone()).unwrap();
        let decision = decide_with(&mut middleware, &Request::get(uri));
        (decision, host.logged())
    }

    #[test]
    fn a_match_sets_the_target_and_adds_the_old_path() {
        for (uri, target, replaced) in [
            (
                &b"/echo"[..],
                "/ic/api/integration/v2/flows/rest/project/P/I/1.0",
                "/echo",
            ),
            (
                b"/echo/a%20b?x=1&y=/..",
                "/ic/api/integration/v2/flows/rest/project/P/I/1.0/a%20b?x=1&y=/..",
                "/echo/a%20b",
            ),
            (
                b"/echo?",
                "/ic/api/integration/v2/flows/rest/project/P/I/1.0?",
                "/echo",
            ),
        ] {
            let (decision, log) = decide(ECHO, uri);
            let Decision::Forward(edits) = decision else {
                panic!("{decision:?}");
            };
            let edits: Vec<_> = edits.iter().cloned().collect();
            assert_eq!(
                edits,
                [
                    Edit::AddHeader(REPLACED_PATH_HEADER.into(), replaced.into()),
                    Edit::SetUri(target.into())
                ]
            );
            assert_eq!(log, [] as [&str; 0]);
        }
    }

    #[test]
    fn a_request_no_rule_matches_passes_unchanged() {
        for uri in [&b"/other"[..], b"/echoes", b"/a/../b", b"*"] {
            assert_eq!(decide(ECHO, uri), (Decision::Forward(Edits::none()), vec![]));
        }
    }

    #[test]
    fn a_result_that_climbs_out_is_refused_and_logged_without_the_path() {
        let (decision, log) = decide(ECHO, b"/echo/%2e%2e/secret-path");
        let Decision::Reply(reply) = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(reply.status, 400);
        assert!(String::from_utf8(reply.body).unwrap().contains("invalid_path"));
        let [line] = log.as_slice() else { panic!("{log:?}") };
        assert!(line.starts_with("code=rewrite.refused rule=0 why="), "{line}");
        assert!(!line.contains("secret-path"), "{line}");
    }

    #[test]
    fn a_path_that_the_host_did_not_escape_is_refused() {
        for uri in [&b"/echo/\xc3\xa9"[..], b"/echo/\xff"] {
            assert!(matches!(decide(ECHO, uri).0, Decision::Reply(reply) if reply.status == 400));
        }
    }

    #[test]
    fn a_group_that_the_regex_lacks_is_warned_about_once() {
        let (_, log) = decide(
            r#"{"rules":[{"regex":"^/(a)","replacement":"/$1x/$2/${n}/$1"}]}"#,
            b"/b",
        );
        assert_eq!(log.len(), 3, "{log:?}");
        assert!(
            log[0].contains("field=rules[0].replacement group=1x"),
            "{}",
            log[0]
        );
    }
}
