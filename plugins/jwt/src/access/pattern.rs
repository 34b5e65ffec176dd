//! Path patterns: `/hr`, `/hr/*/pay`, `/hr/**`.

use super::outline::Outline;
use super::request_path::{RequestPath, is_plain};

/// A path pattern. `*` matches exactly one segment; a `**` at the end matches any number of segments, including none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    /// Whether the pattern ends in `**`.
    is_subtree: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Literal { name: String, outline: Outline },
}

/// Why a text is not a [`PathPattern`]. The message continues a sentence that begins with the option's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is no slash at the start.
    #[error("must begin with a slash")]
    NotAbsolute,
    /// There is a slash at the end.
    #[error("ends with a slash: leave it out, since it makes no difference in a request's path")]
    EndsWithSlash,
    /// There are two slashes in a row.
    #[error("has two slashes in a row")]
    EmptySegment,
    /// There is a `**` before the end.
    #[error("has ** before its end: it stands for all that follows, * for one segment")]
    NotAtTheEnd,
    /// There is a `*` next to other characters.
    #[error("has a * within `{0}`: it stands for a whole segment, between slashes")]
    WithinSegment(String),
    /// There is a `{` or `}`.
    #[error("has braces in `{0}`: write * for one segment, or ** at the end for all that follow")]
    Braces(String),
    /// There is a character that [`RequestPath`] never accepts.
    #[error("has the segment `{0}`, which no request that is let through can have: {1}")]
    NeverFits(String, &'static str),
}

/// How well a path matches a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// No server sees a match.
    No,
    /// A server that ignores case, accents, or dots and spaces at both ends of a name may see a match.
    Alike,
    /// Every server sees a match.
    Exact,
}

impl PathPattern {
    /// Parses a pattern. Characters are written as they are, not percent-encoded.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            return Err(PatternError::NotAbsolute);
        }
        if text.contains("//") {
            return Err(PatternError::EmptySegment);
        }
        let (path, is_subtree) = match text.strip_suffix("/**") {
            Some(path) => (path, true),
            None if text == "/" => ("", false),
            None if text.ends_with('/') => return Err(PatternError::EndsWithSlash),
            None => (text, false),
        };
        let segments = path.split('/').skip(1).map(Segment::parse);
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
            is_subtree,
        })
    }

    pub(super) fn fit(&self, path: &RequestPath) -> Fit {
        let (mut fit, mut sent) = (Fit::Exact, path.segments());
        for segment in &self.segments {
            match sent.next().map(|sent| segment.fit(sent)) {
                None | Some(Fit::No) => return Fit::No,
                Some(Fit::Alike) => fit = Fit::Alike,
                Some(Fit::Exact) => {}
            }
        }
        match self.is_subtree || sent.next().is_none() {
            true => fit,
            false => Fit::No,
        }
    }

    /// Returns whether every path that matches `other` also matches this pattern, exactly or alike.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covered = self.segments.iter().zip(&other.segments).all(|pair| match pair {
            (Segment::Any, _) => true,
            (Segment::Literal { .. }, Segment::Any) => false,
            (own, Segment::Literal { name, .. }) => own.fit(name) != Fit::No,
        });
        let (own, others) = (self.segments.len(), other.segments.len());
        covered && own <= others && (self.is_subtree || (own == others && !other.is_subtree))
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let never = |why| Err(PatternError::NeverFits(text.to_owned(), why));
        match text {
            "*" => Ok(Self::Any),
            "**" => Err(PatternError::NotAtTheEnd),
            text if text.contains('*') => Err(PatternError::WithinSegment(text.to_owned())),
            text if text.contains(['{', '}']) => Err(PatternError::Braces(text.to_owned())),
            text if text.contains('%') => never("write its characters as they are, without %"),
            text if text.contains(['\\', ';', '?', '#']) || text.contains(char::is_control) => {
                never("\\, ;, ?, # and control characters mean different things to different servers")
            }
            text if !is_plain(text) => never(
                "it must have more than dots and blanks, and beyond ASCII only letters, marks, digits and ordinary punctuation",
            ),
            text => Ok(Self::Literal {
                name: text.to_owned(),
                outline: Outline::of(text),
            }),
        }
    }

    fn fit(&self, sent: &str) -> Fit {
        match self {
            Self::Any => Fit::Exact,
            Self::Literal { name, .. } if name == sent => Fit::Exact,
            Self::Literal { name, outline } if are_alike(name, outline, sent) => Fit::Alike,
            Self::Literal { .. } => Fit::No,
        }
    }
}

/// Returns whether some server may take the name `sent` for `own`. `outline` is the outline of `own`.
fn are_alike(own: &str, outline: &Outline, sent: &str) -> bool {
    if own.is_ascii() && sent.is_ascii() {
        let [own, sent] = [own, sent].map(|name| name.trim_matches(['.', ' ', '+']));
        return own.eq_ignore_ascii_case(sent);
    }
    outline.may_be(&Outline::of(sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap_or_else(|error| panic!("{text} {error}"))
    }

    #[test]
    fn a_pattern_fits_its_paths_and_no_others() {
        use Fit::{Alike, Exact, No};
        for (text, uri, expected) in [
            ("/", "/", Exact),
            ("/", "/hr", No),
            ("/**", "/", Exact),
            ("/**", "/any/thing", Exact),
            ("/hr", "/hr", Exact),
            ("/hr", "/hr/", Exact),
            ("/hr", "/hr?x=1", Exact),
            ("/hr", "/hr/pay", No),
            ("/hr", "/hrx", No),
            ("/hr", "/h", No),
            ("/hr", "/", No),
            ("/hr/*", "/hr", No),
            ("/hr/*", "/hr/", No),
            ("/hr/*", "/hr/pay", Exact),
            ("/hr/*", "/hr/pay/", Exact),
            ("/hr/*", "/hr/pay/1", No),
            ("/hr/**", "/hr", Exact),
            ("/hr/**", "/hr/", Exact),
            ("/hr/**", "/hr/pay/1", Exact),
            ("/hr/**", "/hrx/pay", No),
            ("/*/pay/**", "/hr/pay/1/2", Exact),
            ("/*/pay/**", "/hr/pays", No),
            ("/a b/ü", "/a%20b/%C3%BC", Exact),
            ("/hr/**", "/HR/pay", Alike),
            ("/hr", "/hr.", Alike),
            ("/hr", "/hr%20", Alike),
            ("/hr/**", "/hr+/pay", Alike),
            ("/hr/**", "/%20hr/pay", Alike),
            ("/hr/**", "/+hr/pay", Alike),
            ("/müller/**", "/muller/x", Alike),
            ("/müller/**", "/mu%CC%88ller/x", Alike), // decomposed
            ("/müller/**", "/it/x", No),
            (
                "/हिन्दी/**",
                "/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80/x",
                Exact,
            ),
            ("/हिन्दी/**", "/it/x", No),
            ("/hr/**", "/%E6%9D%B1%E4%BA%AC/x", No), // 東京
            ("/hr", "/hr.json", No),
            ("/hr/**", "/h%C5%99/pay", Alike),            // hř
            ("/hr/**", "/%EF%BD%88%EF%BD%92/pay", Alike), // ｈｒ
            ("/hr/**", "/it/%C3%BC", No),
            ("/hr/**", "/m%C3%BCller", No),
            ("/HR/*/Pay", "/HR/x/pay", Alike),
        ] {
            let path = RequestPath::read(uri.as_bytes()).unwrap();
            assert_eq!(pattern(text).fit(&path), expected, "{text} {uri}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_with_the_cure() {
        for (text, cure) in [
            ("", "begin with a slash"),
            ("hr", "begin with a slash"),
            ("**", "begin with a slash"),
            ("/hr/", "leave it out"),
            ("//", "two slashes"),
            ("//hr", "two slashes"),
            ("/hr//pay", "two slashes"),
            ("/hr//**", "two slashes"),
            ("//**", "two slashes"),
            ("/**/pay", "** before its end"),
            ("/hr/**/**", "** before its end"),
            ("/hr*", "a * within `hr*`"),
            ("/hr**", "a * within `hr**`"),
            ("/hr/*.json", "a * within `*.json`"),
            ("/hr/***", "a * within `***`"),
            ("/hr/{id}", "braces in `{id}`: write * for one segment"),
            ("/hr/{rest*}", "a * within"),
            ("/hr/a%20b", "without %"),
            ("/hr;x", "different servers"),
            ("/hr?x", "different servers"),
            ("/hr#x", "different servers"),
            ("/hr\\x", "different servers"),
            ("/hr\n", "different servers"),
            ("/hr/..", "more than dots"),
            ("/./hr", "more than dots"),
            ("/hr/\u{2026}", "more than dots"),
        ] {
            let error = PathPattern::parse(text).unwrap_err();
            assert!(error.to_string().contains(cure), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_covers_those_with_none_but_its_paths() {
        for (one, other, covers) in [
            ("/**", "/", true),
            ("/**", "/hr/**", true),
            ("/hr/**", "/hr", true),
            ("/hr/**", "/hr/*/pay", true),
            ("/hr/**", "/hr/**", true),
            ("/hr/**", "/**", false),
            ("/hr/**", "/it", false),
            ("/hr/**", "/HR/pay", true),
            ("/hr/*", "/hr/pay", true),
            ("/hr/*", "/hr/**", false),
            ("/hr/*", "/hr", false),
            ("/hr/pay", "/hr/*", false),
            ("/*/pay", "/hr/pay", true),
            ("/hr", "/hr", true),
            ("/hr", "/hr/pay", false),
            ("/", "/**", false),
        ] {
            assert_eq!(pattern(one).covers(&pattern(other)), covers, "{one} {other}");
        }
    }
}
