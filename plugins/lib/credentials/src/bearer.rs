//! The bearer token in the Authorization header (RFC 6750 §2.1), or in the one that the options name.

use std::rc::Rc;

use middleware::Values;

/// Why a request carries no bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// No such header, or one of another scheme. RFC 6750 §3.1: the answer then names no error.
    Missing,
    /// Several such headers, several tokens, or no token after the scheme. It is unclear which token the backend would
    /// use.
    Malformed,
    /// The body is a form that is too large to be searched for a token.
    FormTooLong,
}

/// The header that holds the token: `tokenHeader` and `tokenAuthScheme`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHeader {
    /// Its name.
    pub name: Rc<str>,
    /// The authentication scheme before the token. Empty: the header holds the bare token.
    pub scheme: String,
}

impl Default for TokenHeader {
    /// RFC 6750 §2.1.
    fn default() -> Self {
        Self {
            name: "Authorization".into(),
            scheme: "Bearer".to_owned(),
        }
    }
}

impl TokenHeader {
    /// Returns the text in the place of the token. [`check`] tells whether it has the form of a token. That is separate
    /// because it reads every byte, which is unnecessary for a token that was verified before.
    ///
    /// # Errors
    /// See [`NoToken`].
    pub fn candidate<'v>(&self, values: &'v Values<'_>) -> Result<&'v [u8], NoToken> {
        let value = match values.only() {
            Some(value) => value.trim_ascii(),
            None if values.is_empty() => return Err(NoToken::Missing),
            None => return Err(NoToken::Malformed),
        };
        if self.scheme.is_empty() {
            return match value {
                b"" => Err(NoToken::Missing),
                token => Ok(token),
            };
        }
        let scheme_end = value
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(value.len());
        let (scheme, token) = value.split_at_checked(scheme_end).ok_or(NoToken::Malformed)?;
        if !scheme.eq_ignore_ascii_case(self.scheme.as_bytes()) {
            return Err(NoToken::Missing);
        }
        Ok(token.trim_ascii())
    }
}

/// Checks that `token` has the form of a bearer token.
///
/// # Errors
/// [`NoToken::Malformed`].
pub fn check(token: &[u8]) -> Result<(), NoToken> {
    if is_token68(token) {
        Ok(())
    } else {
        Err(NoToken::Malformed)
    }
}

/// RFC 9110 §11.2. No spaces and no commas, so a second token joined to the first is refused.
fn is_token68(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = token.len().checked_sub(padding).and_then(|end| token.get(..end));
    body.is_some_and(|body| {
        !body.is_empty()
            && body
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_header_with_one_token_is_wanted() {
        for (values, expected) in [
            (&["Bearer abc"] as &[&str], Ok("abc")),
            (&["bEARER abc"], Ok("abc")),
            (&["Bearer   a.b-c_d~e+f/g=="], Ok("a.b-c_d~e+f/g==")),
            (&[" Bearer abc "], Ok("abc")),
            (&[], Err(NoToken::Missing)),
            (&[""], Err(NoToken::Missing)),
            (&["Basic YTpi"], Err(NoToken::Missing)),
            (&["Bearerabc"], Err(NoToken::Missing)),
            (&["abc"], Err(NoToken::Missing)),
            (&["Basic YTpi, Bearer abc"], Err(NoToken::Missing)),
            (&["Bearer"], Err(NoToken::Malformed)),
            (&["Bearer "], Err(NoToken::Malformed)),
            (&["Bearer ="], Err(NoToken::Malformed)),
            (&["Bearer a b"], Err(NoToken::Malformed)),
            (&["Bearer a,b"], Err(NoToken::Malformed)),
            (&["Bearer a, Bearer b"], Err(NoToken::Malformed)),
            (&["Bearer a=b"], Err(NoToken::Malformed)),
            (&["Bearer \"a\""], Err(NoToken::Malformed)),
            (&["Bearer ä"], Err(NoToken::Malformed)),
            (&["Bearer a\0"], Err(NoToken::Malformed)),
            (&["Bearer abc", "Bearer abc"], Err(NoToken::Malformed)),
            (&["Basic YTpi", "Bearer abc"], Err(NoToken::Malformed)),
            (&["Bearer abc", ""], Err(NoToken::Malformed)),
        ] {
            let values: Values<'_> = values.iter().collect();
            let token = TokenHeader::default()
                .candidate(&values)
                .and_then(|token| check(token).map(|()| token));
            assert_eq!(token, expected.map(str::as_bytes), "{values:?}");
        }
    }

    #[test]
    fn without_a_scheme_the_header_is_the_token() {
        let header = TokenHeader {
            name: "X-Jwt-Assertion".into(),
            scheme: String::new(),
        };
        for (values, expected) in [
            (&["a.b-c"] as &[&str], Ok("a.b-c")),
            (&[" a.b-c\t"], Ok("a.b-c")),
            (&[], Err(NoToken::Missing)),
            (&[""], Err(NoToken::Missing)),
            (&["  "], Err(NoToken::Missing)),
            (&["Bearer a"], Err(NoToken::Malformed)),
            (&["a b"], Err(NoToken::Malformed)),
            (&["a,b"], Err(NoToken::Malformed)),
            (&["a", "a"], Err(NoToken::Malformed)),
            (&["a", ""], Err(NoToken::Malformed)),
        ] {
            let values: Values<'_> = values.iter().collect();
            let token = header
                .candidate(&values)
                .and_then(|token| check(token).map(|()| token));
            assert_eq!(token, expected.map(str::as_bytes), "{values:?}");
        }
    }
}
