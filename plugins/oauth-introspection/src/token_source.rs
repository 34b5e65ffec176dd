//! Finds the token in the request: the option `tokenSource`.

use std::borrow::Cow;

use credentials::TokenField;
use credentials::bearer::{NoToken, TokenHeader};
use middleware::{ConfigError, Edits, RequestHead, Values, is_token, work};

use crate::config::TokenSourceOptions;

/// The places to look in, in this order.
pub(crate) struct TokenSource {
    header: Option<TokenHeader>,
    query: Option<TokenField>,
    cookie: Option<String>,
}

impl TokenSource {
    /// Reads the option. The default is `Authorization: Bearer`.
    pub(crate) fn new(options: &TokenSourceOptions) -> Result<Self, ConfigError> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (query, cookie) = (given(&options.query), given(&options.cookie));
        let header = match given(&options.header) {
            Some(name) => Some(name),
            None if query.is_none() && cookie.is_none() => Some(AUTHORIZATION.to_owned()),
            None => None,
        };
        let scheme = options.header_auth_scheme.as_deref();
        if header.is_none() && scheme.is_some_and(|scheme| !scheme.is_empty()) {
            return Err(ConfigError::new(
                "tokenSource.headerAuthScheme",
                "is about tokenSource.header, which is missing",
            ));
        }
        for (field, text) in [
            ("tokenSource.header", header.as_deref()),
            ("tokenSource.cookie", cookie.as_deref()),
            ("tokenSource.headerAuthScheme", scheme),
        ] {
            if !text.is_none_or(|text| text.is_empty() || is_token(text)) {
                return Err(ConfigError::new(
                    field,
                    "is not a name: letters, digits and - without spaces",
                ));
            }
        }
        let header = header.map(|name| {
            let scheme = match scheme {
                Some(scheme) => scheme,
                None if name.eq_ignore_ascii_case(AUTHORIZATION) => "Bearer",
                None => "",
            };
            TokenHeader {
                name: name.into(),
                scheme: scheme.to_owned(),
            }
        });
        Ok(Self {
            header,
            query: query.map(TokenField::new),
            cookie,
        })
    }

    /// The values of the header that may hold the token.
    pub(crate) fn header_values<'r>(&self, request: &'r dyn RequestHead) -> Values<'r> {
        match &self.header {
            Some(header) => request.header(&header.name),
            None => Values::NONE,
        }
    }

    /// Extracts the token, from these [values](Self::header_values) or from another place, without checking its form.
    pub(crate) fn find<'v>(
        &self,
        values: &'v Values<'_>,
        request: &dyn RequestHead,
    ) -> Result<Cow<'v, [u8]>, NoToken> {
        if let Some(header) = &self.header {
            match header.candidate(values) {
                Err(NoToken::Missing) => {}
                found => return found.map(Cow::Borrowed),
            }
        }
        if let Some(field) = &self.query {
            match field.find_in_query(request) {
                Err(NoToken::Missing) => {}
                found => return found.map(Cow::Owned),
            }
        }
        match &self.cookie {
            Some(name) => only_cookie(name, &request.header(COOKIE)).map(Cow::Owned),
            None => Err(NoToken::Missing),
        }
    }

    /// Removes the token from every place where it may be.
    pub(crate) fn removal(&self, request: &dyn RequestHead) -> Edits {
        // The backend must not see the caller's `Authorization` header, wherever the token was.
        let mut edits = Edits::none().remove_header(AUTHORIZATION);
        if let Some(header) = &self.header
            && !header.name.eq_ignore_ascii_case(AUTHORIZATION)
        {
            edits = edits.remove_header(&header.name);
        }
        let uri = self
            .query
            .as_ref()
            .and_then(|field| field.removed_from(request.uri()));
        if let Some(uri) = uri {
            edits = edits.set_uri(uri);
        }
        if let Some(name) = &self.cookie {
            let sent = request.header(COOKIE);
            let is_other = |pair: &&str| !pair.is_empty() && name_of(pair) != name.as_str();
            let kept: Vec<&str> = pairs(&sent).filter(is_other).collect();
            edits = match kept.is_empty() {
                true => edits.remove_header(COOKIE),
                false => edits.set_header(COOKIE, kept.join("; ")),
            };
        }
        edits
    }
}

/// Returns the value of the cookie `name` (RFC 6265 §5.4). Two cookies with this name are refused, since it is unclear
/// which one the backend would use.
fn only_cookie(name: &str, values: &Values<'_>) -> Result<Vec<u8>, NoToken> {
    let mut named = pairs(values).filter(|pair| name_of(pair) == name);
    match (named.next(), named.next()) {
        (None, _) => Err(NoToken::Missing),
        (Some(pair), None) => {
            let (_, value) = pair.split_once('=').ok_or(NoToken::Malformed)?;
            Ok(value.trim().as_bytes().to_vec())
        }
        (Some(_), Some(_)) => Err(NoToken::Malformed),
    }
}

/// Returns the pairs of all Cookie headers. It ignores pairs that are not UTF-8.
fn pairs<'v>(values: &'v Values<'_>) -> impl Iterator<Item = &'v str> {
    values
        .iter()
        .flat_map(|value| value.split(|&byte| byte == b';'))
        .inspect(|pair| work(10 + pair.len()))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .map(str::trim)
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name).trim()
}

const AUTHORIZATION: &str = "Authorization";
const COOKIE: &str = "Cookie";

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::{STRETCH, watch};

    #[test]
    fn many_cookies_are_read_in_pieces() {
        let sent = ["a;".repeat(450_000)].iter().collect();
        let (found, pace) = watch(|| only_cookie("session", &sent));
        assert_eq!(found, Err(NoToken::Missing));
        assert!(pace.safe_points >= 40, "{pace:?}");
        assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
    }
}
