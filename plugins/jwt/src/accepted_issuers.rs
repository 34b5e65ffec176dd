//! The issuers that the options accept.

use claims::same_issuer;

/// The issuers whose tokens are accepted.
///
/// User names and scopes are unique only within one issuer, so code that uses them must know whether there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedIssuers {
    /// Any issuer whose tokens the keys verify. Tokens without an issuer are accepted too.
    Any,
    /// Only these issuers, without duplicates.
    Only(Vec<String>),
}

impl AcceptedIssuers {
    /// Combines the issuers of the keys with the option `issuers`.
    ///
    /// `served` holds one entry for each source of keys; `None` is a source that serves any issuer. `listed` is the
    /// option `issuers`, or empty if it is not set.
    pub(crate) fn new<'a>(served: impl IntoIterator<Item = Option<&'a str>>, listed: &'a [String]) -> Self {
        let served: Vec<Option<&str>> = served.into_iter().collect();
        let serves_any = served.contains(&None);
        let candidates: Vec<&str> = match listed {
            [] if serves_any => return Self::Any,
            [] => served.iter().flatten().copied().collect(),
            listed => listed.iter().map(String::as_str).collect(),
        };
        let is_served =
            |issuer: &str| serves_any || served.iter().flatten().any(|it| same_issuer(it, issuer));
        let mut only: Vec<String> = Vec::new();
        for issuer in candidates.into_iter().filter(|issuer| is_served(issuer)) {
            if !only.iter().any(|known| same_issuer(known, issuer)) {
                only.push(issuer.to_owned());
            }
        }
        Self::Only(only)
    }

    /// Whether the options name more than one issuer.
    pub fn are_several(&self) -> bool {
        matches!(self, Self::Only(issuers) if issuers.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_options_say_together_whose_tokens_pass() {
        let only =
            |issuers: &[&str]| AcceptedIssuers::Only(issuers.iter().map(|&it| it.to_owned()).collect());
        let (a, b, c) = ("https://a.example", "https://b.example", "https://c.example");
        for (served, listed, expected) in [
            (&[None] as &[_], &[] as &[&str], AcceptedIssuers::Any),
            (&[None], &[a], only(&[a])),
            (&[None], &[a, b], only(&[a, b])),
            (
                &[None],
                &[a, "https://a.example/", "https://a.example:443"],
                only(&[a]),
            ),
            (&[Some(a)], &[], only(&[a])),
            (&[Some(a), Some(b)], &[], only(&[a, b])),
            (&[Some(a), None], &[], AcceptedIssuers::Any),
            (&[Some(a), None], &[a], only(&[a])),
            (
                &[Some(a), Some(b)],
                &["https://b.example/", c],
                only(&["https://b.example/"]),
            ),
            (&[Some(a)], &[b], only(&[])),
        ] {
            let listed: Vec<String> = listed.iter().map(|&it| it.to_owned()).collect();
            let found = AcceptedIssuers::new(served.iter().copied(), &listed);
            assert_eq!(found, expected, "{served:?} {listed:?}");
        }
        assert!(only(&[a, b]).are_several());
        assert!(!only(&[a]).are_several() && !AcceptedIssuers::Any.are_several());
    }
}
