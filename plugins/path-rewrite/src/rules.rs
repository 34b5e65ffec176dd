//! Rules: the first whose regex matches rewrites the path.

use middleware::ConfigError;

use crate::config::RuleOptions;
use crate::go_expand::Template;
use crate::go_regex::GoRegex;

/// The compiled rules, in the order they are tried.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

/// What became of a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Index of the rule that matched.
    pub rule: usize,
    /// The new path, not yet checked.
    pub path: String,
}

impl Rules {
    /// Compiles `rules`. White space around a regex or a replacement is dropped, as Traefik does.
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

    /// Tries the rules on the escaped path `path`; `None` when none matches.
    pub fn apply(&self, path: &str) -> Option<Rewritten> {
        self.0
            .iter()
            .enumerate()
            .find_map(|(rule, it)| it.replace_all(path).map(|path| Rewritten { rule, path }))
    }

    /// Groups that a replacement refers to and its regex does not have: (option, group).
    pub fn unknown_groups(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().flat_map(|rule| {
            let unknown = rule.replacement.unknown_groups().iter();
            unknown.map(|group| (format!("{}replacement", rule.at), group.as_str()))
        })
    }
}

#[derive(Debug)]
struct Rule {
    at: String,
    regex: GoRegex,
    replacement: Template,
}

impl Rule {
    fn new(options: RuleOptions) -> Result<Self, ConfigError> {
        let at = options.at;
        let regex = GoRegex::new(options.regex.trim())
            .map_err(|error| ConfigError::new(format!("{at}regex"), error.to_string()))?;
        let replacement = Template::new(options.replacement.trim(), &regex)
            .map_err(|error| ConfigError::new(format!("{at}replacement"), error.to_string()))?;
        Ok(Self {
            at,
            regex,
            replacement,
        })
    }

    /// Replaces every match, as Go's `ReplaceAllString` does; `None` when there is none. The rule on empty
    /// matches is Go's: one that touches the end of the match before it is not replaced.
    fn replace_all(&self, path: &str) -> Option<String> {
        let mut groups = self.regex.groups();
        let mut found = self.regex.find_at(&mut groups, path, 0)?;
        let mut result = String::with_capacity(path.len() + self.replacement.literal_len());
        let mut copied = 0;
        loop {
            result.push_str(path.get(copied..found.start).unwrap_or_default());
            if found.end > copied || found.start == 0 {
                self.replacement.expand(path, &groups, &mut result);
            }
            copied = found.end;
            // Paths are ASCII, so one byte is one character.
            let is_empty = found.start == found.end;
            let next = found.end + usize::from(is_empty);
            if next > path.len() {
                break;
            }
            match self.regex.find_at(&mut groups, path, next) {
                Some(next) => found = next,
                None => break,
            }
        }
        result.push_str(path.get(copied..).unwrap_or_default());
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = rules(&[("^/a(/.*)?$", "/first$1"), ("^/a", "/second"), ("^/b", "/third")]);
        for (path, expected) in [
            ("/a/x", Some((0, "/first/x"))),
            ("/ab", Some((1, "/secondb"))),
            ("/b", Some((2, "/third"))),
            ("/c", None),
        ] {
            let result = rules.apply(path);
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
                rules(&[(regex, replacement)]).apply(path).unwrap().path,
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
}
