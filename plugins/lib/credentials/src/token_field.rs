//! A token in the query or in a form: the option `tokenKey`. RFC 6750 §2.2, §2.3.

use middleware::{RequestHead, percent, work};

use crate::bearer::NoToken;

/// The field that may hold a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenField(String);

impl TokenField {
    /// The field with this decoded name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Looks in the query, then in the body if that is a form.
    ///
    /// # Errors
    /// See [`NoToken`].
    pub fn find(&self, request: &dyn RequestHead) -> Result<Vec<u8>, NoToken> {
        match self.find_in_query(request) {
            Err(NoToken::Missing) => {}
            found => return found,
        }
        if !is_form(request) {
            return Err(NoToken::Missing);
        }
        let form = request.body(MAX_FORM).ok_or(NoToken::FormTooLong)?;
        self.only(&form)?.ok_or(NoToken::Missing)
    }

    /// Looks in the query only.
    ///
    /// # Errors
    /// See [`NoToken`].
    pub fn find_in_query(&self, request: &dyn RequestHead) -> Result<Vec<u8>, NoToken> {
        let uri = request.uri();
        let (_, query) = split(uri).ok_or(NoToken::Missing)?;
        self.only(query)?.ok_or(NoToken::Missing)
    }

    /// `uri` without the field; `None` if the query does not have it. The result is text: see [`percent::append_text`].
    pub fn removed_from(&self, uri: &[u8]) -> Option<String> {
        let (path, query) = split(uri)?;
        work(query.len());
        let pairs = || query.split(|&byte| byte == b'&');
        if !pairs().any(|pair| self.is_name_of(pair)) {
            return None;
        }
        let kept: Vec<&[u8]> = pairs().filter(|pair| !self.is_name_of(pair)).collect();
        let mut target = String::new();
        percent::append_text(path, &mut target);
        if !kept.is_empty() {
            target.push('?');
            percent::append_text(&kept.join(&b'&'), &mut target);
        }
        Some(target)
    }

    fn is_name_of(&self, pair: &[u8]) -> bool {
        work(PER_FIELD + pair.len());
        let mut pairs = form_urlencoded::parse(pair);
        pairs.next().is_some_and(|(name, _)| name == self.0)
    }

    /// The field's value. Two values are refused, since it is unclear which one the backend would use.
    fn only(&self, fields: &[u8]) -> Result<Option<Vec<u8>>, NoToken> {
        work(fields.len());
        let mut values = form_urlencoded::parse(fields)
            .inspect(|(name, value)| work(PER_FIELD + name.len() + value.len()))
            .filter(|(name, _)| *name == self.0);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok(Some(value.into_owned().into_bytes())),
            (Some(_), Some(_)) => Err(NoToken::Malformed),
        }
    }
}

/// Splits `uri` into path and query. It need not be UTF-8, since Traefik forwards raw bytes in queries.
fn split(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = uri.iter().position(|&byte| byte == b'?')?;
    let (path, query) = uri.split_at(at);
    Some((path, query.get(1..)?))
}

fn is_form(request: &dyn RequestHead) -> bool {
    let types = request.header("Content-Type");
    let Some(content_type) = types.only() else {
        return false;
    };
    let essence = content_type
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        && !matches!(request.method(), b"GET" | b"HEAD")
}

/// The cost of even the shortest field, in units of [`work`].
const PER_FIELD: usize = 20;

/// The largest form that is read. It is in memory twice at that time.
const MAX_FORM: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::watch;
    use test_doubles::Request;

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn the_query_comes_before_the_form() {
        let field = TokenField::new("access token");
        for (method, uri, content_type, body, expected) in [
            ("GET", "/?access+token=a.b.c", "", "", Ok("a.b.c")),
            ("GET", "/?x=1&access%20token=a%2Eb&y=2", "", "", Ok("a.b")),
            ("GET", "/?access%20token=", "", "", Ok("")),
            ("GET", "/?Access%20token=a", "", "", Err(NoToken::Missing)),
            ("GET", "/?x=access%20token=a", "", "", Err(NoToken::Missing)),
            ("GET", "/access%20token=a", "", "", Err(NoToken::Missing)),
            (
                "GET",
                "/?access+token=a&access+token=a",
                "",
                "",
                Err(NoToken::Malformed),
            ),
            ("POST", "/?access+token=a", FORM, "access+token=b", Ok("a")),
            ("POST", "/?x=1", FORM, "y=2&access+token=b", Ok("b")),
            (
                "PUT",
                "/",
                "Application/X-WWW-form-urlencoded ; charset=utf-8",
                "access+token=b",
                Ok("b"),
            ),
            (
                "POST",
                "/",
                FORM,
                "access+token=b&access%20token=c",
                Err(NoToken::Malformed),
            ),
            ("POST", "/", FORM, "", Err(NoToken::Missing)),
            ("POST", "/", "text/plain", "access+token=b", Err(NoToken::Missing)),
            ("GET", "/", FORM, "access+token=b", Err(NoToken::Missing)),
        ] {
            let request = Request::new(method, uri)
                .with_header("Content-Type", content_type)
                .with_body(body);
            assert_eq!(
                field.find(&request),
                expected.map(Vec::from),
                "{method} {uri} {body}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_hide_nothing() {
        let field = TokenField::new("t");
        let uri = b"/k?t=a.b.c&x=\xff";
        assert_eq!(field.removed_from(uri).as_deref(), Some("/k?x=%FF"));
        assert_eq!(field.removed_from(b"/k?x=\xff&y=1"), None);
        let fields = &uri[3..];
        assert_eq!(field.only(fields), Ok(Some(b"a.b.c".to_vec())));
    }

    #[test]
    fn a_form_is_not_read_without_limit() {
        let request = Request::new("POST", "/")
            .with_header("Content-Type", FORM)
            .with_body("x".repeat(MAX_FORM + 1));
        assert_eq!(TokenField::new("t").find(&request), Err(NoToken::FormTooLong));
    }

    #[test]
    fn many_fields_are_read_in_pieces() {
        let fields = format!("/?{}", "a&".repeat(450_000));
        let request = Request::get(&fields);
        let field = TokenField::new("t");
        let (found, finding) = watch(|| field.find(&request));
        assert_eq!(found, Err(NoToken::Missing));
        let (removed, removing) = watch(|| field.removed_from(fields.as_bytes()));
        assert_eq!(removed, None);
        for pace in [finding, removing] {
            // Reading the query as a whole takes a few quick passes. Most of the cost is per field.
            assert!(pace.safe_points > 50, "{pace:?}");
            assert!(pace.longest_stretch <= fields.len(), "{pace:?}");
        }
    }

    #[test]
    fn the_field_and_nothing_else_leaves_the_query() {
        let field = TokenField::new("t");
        for (uri, expected) in [
            ("/a?t=x", Some("/a")),
            ("/a?t=x&b=%2f+c", Some("/a?b=%2f+c")),
            ("/a?b=1&t=x&&c=?", Some("/a?b=1&&c=?")),
            ("/a?%74=x&tt=1", Some("/a?tt=1")),
            ("/a?t=x&t=y", Some("/a")),
            ("/a?t", Some("/a")),
            ("/a?b=t", None),
            ("/a?", None),
            ("/t=x", None),
        ] {
            assert_eq!(field.removed_from(uri.as_bytes()).as_deref(), expected, "{uri}");
        }
    }
}
