//! Parsing a compact JWS. RFC 7515 §7.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use middleware::work;

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::header::Header;
use crate::rejection::Rejection;

/// Which tokens to parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The longest token in bytes.
    pub max_bytes: usize,
    /// Allow-list of signature algorithms.
    pub algorithms: Vec<Algorithm>,
}

/// A well-formed token. Its signature has not been checked.
pub struct Token<'a> {
    header: Header,
    claims: Claims,
    /// Header and payload as they were sent, with the dot between them. The signature covers this.
    signing_input: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Parses a token and refuses everything that can be refused without a key.
    ///
    /// # Errors
    /// [`Rejection`]. Faults of the header come before faults of the payload.
    pub fn parse(token: &'a [u8], accept: &Acceptance) -> Result<Self, Rejection> {
        if token.len() > accept.max_bytes {
            return Err(Rejection::TooLong);
        }
        let (signing_input, signature) = split_at_last_dot(token).ok_or(Rejection::NotCompact)?;
        let (header, payload) = split_at_last_dot(signing_input).ok_or(Rejection::NotCompact)?;
        // A JWE has five parts, an unsecured JWS has two. A dot left over in the header is neither.
        if header.contains(&b'.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Rejection::NotCompact);
        }
        let header = Header::parse(&decode(header)?, &accept.algorithms)?;
        let claims = Claims::parse(&decode(payload)?)?;
        Ok(Self {
            header,
            claims,
            signing_input,
            signature: decode(signature)?,
        })
    }

    /// The header, which is not proven.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims as the token states them. Anyone could have written them. They may serve to refuse a token without
    /// looking for keys, never to accept one.
    pub fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// A token is a credential, so only its header is shown.
impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

fn split_at_last_dot(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|&byte| byte == b'.')?;
    Some((bytes.get(..dot)?, bytes.get(dot.checked_add(1)?..)?))
}

/// Accepts the canonical form only: no padding, no line breaks, no stray bits in the last character. Otherwise one
/// token would have many spellings.
fn decode(part: &[u8]) -> Result<Vec<u8>, Rejection> {
    work(part.len());
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::NotBase64Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept() -> Acceptance {
        Acceptance {
            max_bytes: 200,
            algorithms: vec![Algorithm::EdDsa],
        }
    }

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn a_token_of_three_parts_is_taken_apart() {
        let signing_input = format!("{}.{}", encode(r#"{"alg":"EdDSA"}"#), encode(r#"{"sub":"me"}"#));
        let token = format!("{signing_input}.{}", encode("signature"));
        let token = Token::parse(token.as_bytes(), &accept()).unwrap();
        assert_eq!(token.header().algorithm, Algorithm::EdDsa);
        assert_eq!(token.unverified_claims().get("sub").unwrap(), "me");
        assert_eq!(token.signing_input(), signing_input.as_bytes());
        assert_eq!(token.signature(), b"signature");
    }

    #[test]
    fn anything_else_is_refused_before_any_key_is_looked_at() {
        let (header, claims) = (encode(r#"{"alg":"EdDSA"}"#), encode("{}"));
        for (token, expected) in [
            (String::new(), Rejection::NotCompact),
            ("a".to_owned(), Rejection::NotCompact),
            ("..".to_owned(), Rejection::NotCompact),
            (format!("{header}.{claims}"), Rejection::NotCompact),
            (format!("{header}.{claims}."), Rejection::NotCompact),
            (format!("{header}..c2ln"), Rejection::NotCompact),
            (format!(".{claims}.c2ln"), Rejection::NotCompact),
            (format!("{header}.{claims}.c2ln.c2ln"), Rejection::NotCompact),
            (format!("{header}.{claims}.a.b.c"), Rejection::NotCompact),
            (format!("{header}=.{claims}.c2ln"), Rejection::NotBase64Url),
            (format!("{header}.{claims}=.c2ln"), Rejection::NotBase64Url),
            (format!("{header}.{claims}.c2lnbg=="), Rejection::NotBase64Url),
            (format!("{header}.{claims}.c2 ln"), Rejection::NotBase64Url),
            (format!("{header}.{claims}.c2+n"), Rejection::NotBase64Url),
            // "c2lnbh" decodes to the same bytes as "c2lnbg" where stray bits are ignored.
            (format!("{header}.{claims}.c2lnbh"), Rejection::NotBase64Url),
            (
                format!("{header}.{claims}.{}", "A".repeat(200)),
                Rejection::TooLong,
            ),
            (
                format!("{}.{claims}.c2ln", encode("[]")),
                Rejection::MalformedHeader,
            ),
            (
                format!("{header}.{}.c2ln", encode("[]")),
                Rejection::MalformedClaims,
            ),
        ] {
            assert_eq!(
                Token::parse(token.as_bytes(), &accept()).err(),
                Some(expected),
                "{token}"
            );
        }
    }

    #[test]
    fn debug_output_holds_no_credential() {
        let token = format!(
            "{}.{}.c2ln",
            encode(r#"{"alg":"EdDSA"}"#),
            encode(r#"{"sub":"jane"}"#)
        );
        let shown = format!("{:?}", Token::parse(token.as_bytes(), &accept()).unwrap());
        assert!(!shown.contains("jane") && !shown.contains("c2ln"), "{shown}");
    }
}
