//! Rules of routers, as far as a comparison of hosts and paths needs them.

/// What a rule accepts: requests that fit one of the alternatives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule(Vec<Alternative>);

/// Conditions that all have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Alternative {
    hosts: Vec<String>,
    paths: Vec<Path>,
    /// Whether there are conditions that are not understood here.
    has_others: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Path {
    Exact(String),
    Prefix(String),
}

/// The maximum number of alternatives, because `&&` multiplies them.
const MOST: usize = 256;

impl Rule {
    /// Reads a rule. `None` if it is not a rule or has too many alternatives.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Bounds the depth of recursion.
        if text.matches(['(', '!']).count() > MOST {
            return None;
        }
        let mut rest = text.trim();
        let alternatives = any_of(&mut rest)?;
        rest.is_empty().then_some(Self(alternatives))
    }

    /// Returns whether all requests of some alternative of `other` fit this rule too.
    pub(super) fn is_broader_than(&self, other: &Self) -> bool {
        self.0
            .iter()
            .any(|broad| other.0.iter().any(|narrow| broad.covers(narrow)))
    }
}

impl Alternative {
    fn and(&self, other: &Self) -> Self {
        Self {
            hosts: [&*self.hosts, &other.hosts].concat(),
            paths: [&*self.paths, &other.paths].concat(),
            has_others: self.has_others || other.has_others,
        }
    }

    fn covers(&self, narrow: &Self) -> bool {
        let takes = |path: &Path| narrow.paths.iter().any(|narrow| path.covers(narrow));
        !self.has_others
            && self.hosts.iter().all(|host| narrow.hosts.contains(host))
            && self.paths.iter().all(takes)
    }
}

impl Path {
    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Prefix(prefix), Self::Exact(path) | Self::Prefix(path)) => path.starts_with(prefix),
            (Self::Exact(path), Self::Exact(other)) => path == other,
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }
}

fn any_of(rest: &mut &str) -> Option<Vec<Alternative>> {
    let mut found = all_of(rest)?;
    while take(rest, "||") {
        found.extend(all_of(rest)?);
    }
    (found.len() <= MOST).then_some(found)
}

fn all_of(rest: &mut &str) -> Option<Vec<Alternative>> {
    let mut found = condition(rest)?;
    while take(rest, "&&") {
        let more = condition(rest)?;
        let both = found.iter().flat_map(|one| more.iter().map(|two| one.and(two)));
        found = both.take(MOST + 1).collect();
    }
    Some(found)
}

/// Reads a condition in parentheses, a negated one, or a matcher with its values.
fn condition(rest: &mut &str) -> Option<Vec<Alternative>> {
    if take(rest, "!") {
        condition(rest)?;
        return Some(vec![Alternative {
            has_others: true,
            ..Alternative::default()
        }]);
    }
    if take(rest, "(") {
        let inner = any_of(rest)?;
        return take(rest, ")").then_some(inner);
    }
    let (name, after) = rest.split_once('(')?;
    *rest = after;
    let mut found = Vec::new();
    loop {
        found.push(matcher(name.trim(), value(rest)?));
        if !take(rest, ",") {
            break;
        }
    }
    take(rest, ")").then_some(found)
}

fn matcher(name: &str, value: &str) -> Alternative {
    let mut found = Alternative::default();
    match name {
        "Host" => found.hosts.push(value.to_ascii_lowercase()),
        "Path" => found.paths.push(Path::Exact(value.to_owned())),
        // Every path begins with a slash.
        "PathPrefix" if value == "/" => {}
        "PathPrefix" => found.paths.push(Path::Prefix(value.to_owned())),
        _ => found.has_others = true,
    }
    found
}

/// Takes a value in backticks or quotes.
fn value<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let text = rest.trim_start();
    let quote = text.chars().next().filter(|c| matches!(c, '`' | '"'))?;
    let (value, after) = text.get(1..)?.split_once(quote)?;
    *rest = after;
    Some(value)
}

fn take(rest: &mut &str, token: &str) -> bool {
    match rest.trim_start().strip_prefix(token) {
        Some(after) => {
            *rest = after.trim_start();
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_broader(broad: &str, narrow: &str) -> bool {
        Rule::parse(broad)
            .unwrap()
            .is_broader_than(&Rule::parse(narrow).unwrap())
    }

    #[test]
    fn a_rule_is_broader_if_it_takes_all_requests_of_another() {
        let orders = "Host(`a.example`) && PathPrefix(`/orders`)";
        for (broad, narrow) in [
            ("PathPrefix(`/`)", orders),
            ("Host(`A.example`)", orders),
            (orders, orders),
            ("Host(`b.example`) || Host(`a.example`)", orders),
            ("Host(`b.example`, `a.example`)", orders),
            (
                "(PathPrefix(`/ord`) || Path(`/x`)) && Host(\"a.example\")",
                orders,
            ),
            ("PathPrefix(`/orders`)", "Path(`/orders/7`) && Method(`GET`)"),
            ("Path(`/a`)", "PathPrefix(`/b`) || Path(`/a`)"),
            ("Host(`a.example`)", "Host(`a.example`) && !PathPrefix(`/x`)"),
        ] {
            assert!(is_broader(broad, narrow), "{broad} > {narrow}");
        }
        for (other, narrow) in [
            ("Host(`b.example`)", orders),
            ("Host(`a.example`) && PathPrefix(`/stock`)", orders),
            ("Host(`a.example`) && Path(`/orders/health`)", orders),
            ("Host(`a.example`) && Method(`POST`)", orders),
            ("!Host(`b.example`)", orders),
            ("HostRegexp(`.*`)", orders),
            ("Host(`a.example`)", "PathPrefix(`/orders`)"),
            ("Host(`a.example`)", "HostRegexp(`.*`)"),
        ] {
            assert!(!is_broader(other, narrow), "{other} > {narrow}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_rule_is_not_compared() {
        for text in [
            "",
            "a",
            "Host(a)",
            "Host(`a`",
            "Host(`a`) &&",
            "(Host(`a`)",
            "Host(`a`) x",
        ] {
            assert_eq!(Rule::parse(text), None, "{text}");
        }
        let many = ["(Path(`/a`) || Path(`/b`))"; 20].join(" && ");
        assert_eq!(Rule::parse(&many), None);
    }
}
