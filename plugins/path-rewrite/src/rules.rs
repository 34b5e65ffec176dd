//! Applies the first rule whose regex matches the path.
//!
//! The client controls the path, and with it the time that a search takes. Therefore all work has a bound:
//! `Rule::longest_path` for the length of the path in one search, [`MOST_STEPS`] for all searches of a rule, and
//! [`LONGEST_RESULT`] for the new path. A request that exceeds a bound is refused, because without the search it is
//! unknown whether the rule matches.

use middleware::{ConfigError, work};

use crate::config::RuleOptions;
use crate::go_expand::Template;
use crate::go_regex::{GoRegex, Groups, Span};

/// The compiled rules, in the order in which they are tried.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

/// The result of rewriting a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The index of the rule that matched.
    pub rule: usize,
    /// The new path, not yet checked.
    pub path: String,
}

/// Why a rule could not be applied to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuchWork {
    /// A single search could take too long.
    #[error("the path has {length} bytes, and the regex of this rule is searched in at most {longest}")]
    LongPath {
        /// The path's length in bytes.
        length: usize,
        /// The longest path for this rule, in bytes.
        longest: usize,
    },
    /// All searches together took too long.
    #[error("the regex of this rule matches the path in too many places")]
    ManyMatches,
    /// The new path is too long.
    #[error("the new path has more than {LONGEST_RESULT} bytes")]
    LongResult,
}

/// The longest path that any rule is applied to. Few servers accept more: a limit of 8 KiB for the request line is
/// common.
pub const LONGEST_PATH: usize = 8 * 1024;

/// The longest new path, in bytes.
const LONGEST_RESULT: usize = 64 * 1024;

/// The maximum number of steps in one search, which cannot be interrupted.
const MOST_STEPS_AT_ONCE: usize = 1 << 18;

/// The maximum number of steps in all searches of one rule in one path.
const MOST_STEPS: usize = 16 * MOST_STEPS_AT_ONCE;

/// The cost of a step in units of [`work`].
const WORK_PER_STEP: usize = 4;

/// If the longest path for a rule is below this limit, the rule may refuse real paths.
const COMFORTABLE_LIMIT: usize = 1024;

impl Rules {
    /// Compiles `rules`. White space around a regex or a replacement is removed, as in Traefik.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that cannot be used and says why.
    pub fn new(rules: Vec<RuleOptions>) -> Result<Self, ConfigError> {
        rules
            .into_iter()
            .map(Rule::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Applies the rules to the escaped path `path`. Returns `None` if no rule matches.
    ///
    /// # Errors
    /// [`TooMuchWork`], with the index of the rule.
    pub fn apply(&self, path: &str) -> Result<Option<Rewritten>, (usize, TooMuchWork)> {
        for (rule, it) in self.0.iter().enumerate() {
            if let Some(path) = it.replace_all(path).map_err(|error| (rule, error))? {
                return Ok(Some(Rewritten { rule, path }));
            }
        }
        Ok(None)
    }

    /// Returns groups that a replacement refers to but its regex does not have: (option, group).
    pub fn unknown_groups(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().flat_map(|rule| {
            let unknown = rule.replacement.unknown_groups().iter();
            unknown.map(|group| (format!("{}replacement", rule.at), group.as_str()))
        })
    }

    /// Returns the regexes that are searched only in short paths: (option, longest path in bytes).
    pub fn costly_regexes(&self) -> impl Iterator<Item = (String, usize)> {
        let costly = self.0.iter().filter(|rule| rule.longest_path < COMFORTABLE_LIMIT);
        costly.map(|rule| (format!("{}regex", rule.at), rule.longest_path))
    }
}

#[derive(Debug)]
struct Rule {
    at: String,
    regex: GoRegex,
    replacement: Template,
    /// The length of the longest path in which the regex is searched, in bytes.
    longest_path: usize,
}

impl Rule {
    fn new(options: RuleOptions) -> Result<Self, ConfigError> {
        let at = options.at;
        let regex = GoRegex::new(options.regex.trim())
            .map_err(|error| ConfigError::new(format!("{at}regex"), error.to_string()))?;
        let replacement = Template::new(options.replacement.trim(), &regex)
            .map_err(|error| ConfigError::new(format!("{at}replacement"), error.to_string()))?;
        let characters = MOST_STEPS_AT_ONCE / regex.steps_per_byte();
        Ok(Self {
            at,
            regex,
            replacement,
            longest_path: characters.saturating_sub(1).min(LONGEST_PATH),
        })
    }

    /// Replaces every match, like Go's `ReplaceAllString`. Returns `None` if there is no match. As in Go, an empty
    /// match directly after another match is not replaced.
    fn replace_all(&self, path: &str) -> Result<Option<String>, TooMuchWork> {
        let (length, longest) = (path.len(), self.longest_path);
        if length > longest {
            return Err(TooMuchWork::LongPath { length, longest });
        }
        let mut search = Search {
            regex: &self.regex,
            groups: self.regex.groups(),
            path,
            steps: 0,
        };
        let Some(mut found) = search.next(0)? else {
            return Ok(None);
        };
        let mut result = String::with_capacity(path.len() + self.replacement.literal_len());
        let mut copied = 0;
        loop {
            result.push_str(path.get(copied..found.start).unwrap_or_default());
            if found.end > copied || found.start == 0 {
                self.replacement.expand(path, &search.groups, &mut result);
            }
            if result.len() > LONGEST_RESULT {
                return Err(TooMuchWork::LongResult);
            }
            copied = found.end;
            // Paths are ASCII, so one byte is one character.
            let is_empty = found.start == found.end;
            let next = found.end + usize::from(is_empty);
            if next > path.len() {
                break;
            }
            match search.next(next)? {
                Some(next) => found = next,
                None => break,
            }
        }
        result.push_str(path.get(copied..).unwrap_or_default());
        Ok(Some(result))
    }
}

/// Finds one match after another, within [`MOST_STEPS`].
struct Search<'r> {
    regex: &'r GoRegex,
    groups: Groups,
    path: &'r str,
    steps: usize,
}

impl Search<'_> {
    /// Returns the first match that begins at `from` or later.
    fn next(&mut self, from: usize) -> Result<Option<Span>, TooMuchWork> {
        let steps_for = |bytes: usize| {
            self.regex
                .steps_per_byte()
                .saturating_mul(bytes.saturating_add(1))
        };
        let rest = self.path.len().saturating_sub(from);
        work(steps_for(rest).saturating_mul(WORK_PER_STEP));
        let found = self.regex.find_at(&mut self.groups, self.path, from);
        // After a match, a search continues for as long as a longer match is possible.
        let seen = match (&found, self.regex.reach()) {
            (Some(found), Some(reach)) => found.start.saturating_sub(from).saturating_add(reach).min(rest),
            _ => rest,
        };
        self.steps = self.steps.saturating_add(steps_for(seen));
        match self.steps > MOST_STEPS {
            true => Err(TooMuchWork::ManyMatches),
            false => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::{Pace, watch};

    fn rules(rules: &[(&str, &str)]) -> Rules {
        let options = rules
            .iter()
            .enumerate()
            .map(|(index, (regex, replacement))| RuleOptions {
                at: format!("rules[{index}]."),
                regex: (*regex).to_owned(),
                replacement: (*replacement).to_owned(),
            });
        Rules::new(options.collect()).unwrap()
    }

    fn rewritten(rules: &Rules, path: &str) -> Option<String> {
        rules.apply(path).unwrap().map(|rewritten| rewritten.path)
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = rules(&[("^/a(/.*)?$", "/first$1"), ("^/a", "/second"), ("^/b", "/third")]);
        for (path, expected) in [
            ("/a/x", Some((0, "/first/x"))),
            ("/ab", Some((1, "/secondb"))),
            ("/b", Some((2, "/third"))),
            ("/c", None),
        ] {
            let result = rules.apply(path).unwrap();
            assert_eq!(
                result.as_ref().map(|it| (it.rule, it.path.as_str())),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn every_match_is_replaced_and_empty_ones_by_gos_rule() {
        for (regex, replacement, path, expected) in [
            ("a", "b", "/aa/a", "/bb/b"),
            ("", "-", "/ab", "-/-a-b-"),
            ("a*", "x", "/baac", "x/xbxcx"),
            ("$", "/end", "/a", "/a/end"),
            ("^", "/pre", "/a", "/pre/a"),
            (r"\b", "|", "/ab/c", "/|ab|/|c|"),
            ("a|", "x", "/a", "x/x"),
            ("^/a", "/b", "/a/a", "/b/a"),
            ("  /a  ", "  /b  ", "/a", "/b"),
        ] {
            assert_eq!(
                rewritten(&rules(&[(regex, replacement)]), path).unwrap(),
                expected,
                "{regex}"
            );
        }
    }

    #[test]
    fn errors_name_the_rule() {
        let options = |regex: &str, replacement: &str| RuleOptions {
            at: "rules[3].".to_owned(),
            regex: regex.to_owned(),
            replacement: replacement.to_owned(),
        };
        for (rule, field) in [
            (options("(", ""), "rules[3].regex"),
            (options("(a)", "$1é"), "rules[3].replacement"),
        ] {
            assert_eq!(Rules::new(vec![rule]).unwrap_err().field(), field);
        }
    }

    /// Applies a single rule to the path, and measures how the work was divided.
    fn paced(regex: &str, path: &str) -> (Result<Option<Rewritten>, TooMuchWork>, Pace) {
        let rules = rules(&[(regex, "/x")]);
        let (outcome, pace) = watch(|| rules.apply(path));
        (outcome.map_err(|(_, why)| why), pace)
    }

    /// Paths that make regexes search for a long time: runs of what they repeat, and near misses.
    fn hostile_paths() -> Vec<String> {
        let pieces = [
            "a",
            "c",
            "/",
            "0",
            "/a",
            "/details",
            "ab@",
            "%20",
            "c/",
            "00000000-",
            ".",
        ];
        let lengths = [100, 250, 500, 2000, LONGEST_PATH];
        let path = |piece: &str, length: usize| {
            let mut path = "/".to_owned();
            path.push_str(&piece.repeat(length / piece.len()));
            path.truncate(length);
            path
        };
        pieces
            .iter()
            .flat_map(|piece| lengths.map(|length| path(piece, length)))
            .collect()
    }

    #[test]
    fn no_path_makes_a_rule_compute_long_without_a_safe_point() {
        for regex in [
            "c(.*d)?",
            "/details(/.*/v2)?",
            r"\w{1,64}@",
            r"\w{1,250}@",
            "(a*)*",
            "((a|b)*c)*d",
            "(.*)(.*)(.*)(.*)x",
            "(a|ab)(c|bcd)(d*)",
            "/",
            "",
            "a*",
            ".",
            r"\b",
            "[acegikmoqsuwy]{1,40}[bdf]",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "^/(?P<flow>[a-z]+)/v(?P<version>[0-9]+)(?P<rest>/.*)?$",
            "^(a?){30}",
            "^/echo(/.*)?$",
        ] {
            for path in hostile_paths() {
                let (_, pace) = paced(regex, &path);
                let at_once = MOST_STEPS_AT_ONCE * WORK_PER_STEP;
                let shown = format!("{regex} on {} bytes {:.12}: {pace:?}", path.len(), path);
                assert!(pace.longest_stretch <= at_once, "{shown}");
                // Each safe point is a call to the host. Too many of them would dominate the cost.
                assert!(pace.safe_points < 2000, "{shown}");
            }
        }
    }

    #[test]
    fn paths_that_would_take_too_long_are_refused() {
        for (regex, path, expected) in [
            (
                r"\w{1,64}@",
                "a".repeat(4000),
                TooMuchWork::LongPath {
                    length: 4000,
                    longest: 1196,
                },
            ),
            ("c(.*d)?", "c".repeat(2000), TooMuchWork::ManyMatches),
            ("c(.*d)?", "c".repeat(8000), TooMuchWork::ManyMatches),
            (
                "/details(/.*/v2)?",
                "/details".repeat(800),
                TooMuchWork::ManyMatches,
            ),
        ] {
            assert_eq!(paced(regex, &path).0, Err(expected), "{regex}");
        }
        let long = rules(&[(".", "0123456789abcdef")]);
        assert_eq!(long.apply(&"a".repeat(5000)), Err((0, TooMuchWork::LongResult)));
    }

    #[test]
    fn ordinary_paths_are_not_refused() {
        let segments = "/segment-of-usual_length.1".repeat(50); // 1,300 bytes
        let services = (0..50)
            .map(|index| format!("service-{index}"))
            .collect::<Vec<_>>();
        let services = format!("^/({})(/.*)?$", services.join("|"));
        for regex in [
            "^/echo(/.*)?$",
            "^/(?P<flow>[a-z]+)/v(?P<version>[0-9]+)(?P<rest>/.*)?$",
            "^/(segment[^/]*)/([^/]+)/([^/]+)/(.*)$",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "(/segment)",
            "/+",
            "_",
            "[._-]",
            "(?i)^/API/V([0-9]+)/(.*)",
            &services,
        ] {
            let rules = rules(&[(regex, "/x")]);
            assert!(rules.apply(&segments).is_ok(), "{regex}");
            assert_eq!(rules.costly_regexes().count(), 0, "{regex}");
        }
        // Rules of the usual forms accept paths of several kilobytes.
        for (regex, length) in [
            ("^/echo(/.*)?$", LONGEST_PATH),
            ("^/a(.*)$", LONGEST_PATH),
            ("^/([a-z]+)(/.*)?$", LONGEST_PATH),
            ("(/v2)", LONGEST_PATH),
            ("^/(?P<flow>[a-z]+)/v(?P<version>[0-9]+)(?P<rest>/.*)?$", 6000),
        ] {
            let path = format!("/{}", "a".repeat(length - 1));
            assert!(rules(&[(regex, "/x")]).apply(&path).is_ok(), "{regex}");
        }
    }

    #[test]
    fn regexes_for_short_paths_only_are_named() {
        let one = rules(&[("^/a", "/b"), (r"\w{1,250}@", "/b")]);
        let costly: Vec<_> = one.costly_regexes().collect();
        let [(field, longest)] = costly.as_slice() else {
            panic!("{costly:?}");
        };
        assert_eq!(field, "rules[1].regex");
        assert!((256..600).contains(longest), "{longest}");
    }
}
