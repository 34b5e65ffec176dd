//! Claims as request headers: Traefik Hub's `forwardHeaders` and `usernameClaim`.
//!
//! A backend that trusts such a header must never see one that the client wrote. Therefore every header of the same
//! name is removed first, and so is every alias: many backends treat `_` or `.` like `-`, and ignore case.

use std::collections::BTreeMap;
use std::rc::Rc;

use jose::{Claims, Rejection, Value};
use middleware::{ConfigError, Edits, RequestHead, is_token, same_to_a_backend, work};

use crate::path::{ClaimPath, text};

/// Which headers are made from which claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimHeaders(Vec<Header>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: Rc<str>,
    claim: ClaimPath,
}

/// The values for the headers of a [`ClaimHeaders`], in its order. Claims may be personal data, so `Debug` hides them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClaimValues(Option<Rc<[Rc<str>]>>);

impl ClaimHeaders {
    /// The header for `usernameClaim` if `usernameHeader` is not given.
    pub const USERNAME_HEADER: &str = "X-Forwarded-User";

    /// Reads the options `forwardHeaders` (header to claim), `usernameClaim` and `usernameHeader`.
    ///
    /// # Errors
    /// [`ConfigError`] for a name that is not a header name or is reserved, for two names that a backend may treat as
    /// one, and for a claim path that cannot be read.
    pub fn new(
        forward_headers: &BTreeMap<String, String>,
        username_claim: &str,
        username_header: &str,
    ) -> Result<Self, ConfigError> {
        let mut headers = Self::default();
        for (name, claim) in forward_headers {
            let option = format!("forwardHeaders.{name}");
            headers.add(&option, name, &option, claim)?;
        }
        if !username_claim.is_empty() {
            headers.add("usernameHeader", username_header, "usernameClaim", username_claim)?;
        }
        Ok(headers)
    }

    fn add(
        &mut self,
        name_option: &str,
        name: &str,
        claim_option: &str,
        claim: &str,
    ) -> Result<(), ConfigError> {
        if !is_token(name) {
            return Err(ConfigError::new(name_option, "is not a header name"));
        }
        if RESERVED.iter().any(|reserved| same_to_a_backend(reserved, name)) {
            return Err(ConfigError::new(
                name_option,
                "is a header with a meaning of its own, which a claim must not change: choose another name",
            ));
        }
        if let Some(other) = self.0.iter().find(|other| same_to_a_backend(&*other.name, name)) {
            return Err(ConfigError::new(
                name_option,
                format!(
                    "and {} are one name to many backends: choose another name",
                    other.name
                ),
            ));
        }
        let claim = ClaimPath::parse(claim)
            .map_err(|error| ConfigError::new(claim_option, format!("names a claim by {error}")))?;
        self.0.push(Header {
            name: name.into(),
            claim,
        });
        Ok(())
    }

    /// Whether there are no headers to set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a header is made from the claim `name`, or from a part of it.
    pub fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|header| header.claim.begins_with(name))
    }

    /// Takes the values from the claims. A claim that is missing or `null` gives an empty value. Text, numbers and
    /// booleans are written as they are, numbers with all their digits. Lists and objects are written as JSON without
    /// blanks, in ASCII.
    ///
    /// # Errors
    /// [`Rejection::UnfitForHeader`] for text with control characters, or with blanks around it, because a server that
    /// trims the value would mistake one user for another. The same if all values together are too long.
    pub fn values(&self, claims: &Claims) -> Result<ClaimValues, Rejection> {
        if self.0.is_empty() {
            return Ok(ClaimValues::default());
        }
        let values: Vec<Rc<str>> = self
            .0
            .iter()
            .map(|header| value(header.claim.find(claims)))
            .collect::<Result<_, _>>()?;
        let length: usize = values.iter().map(|value| value.len()).sum();
        if length > MAX_LENGTH {
            return Err(Rejection::UnfitForHeader);
        }
        Ok(ClaimValues(Some(values.into())))
    }

    /// The changes to a request whose token has these values.
    pub fn edits(&self, request: &dyn RequestHead, values: &ClaimValues) -> Edits {
        let mut edits = Edits::none();
        if self.0.is_empty() {
            return edits;
        }
        for sent in request.header_names().iter() {
            work(10 + self.0.len() + sent.len());
            let is_alias = |header: &Header| {
                same_to_a_backend(&*header.name, sent) && !header.name.as_bytes().eq_ignore_ascii_case(sent)
            };
            if self.0.iter().any(is_alias)
                && let Ok(sent) = std::str::from_utf8(sent)
            {
                edits = edits.remove_header(sent.to_owned());
            }
        }
        let values = values.0.as_deref().unwrap_or_default();
        for (index, header) in self.0.iter().enumerate() {
            edits = match values.get(index) {
                Some(value) => edits.set_header(&header.name, value),
                None => edits.set_header(&header.name, ""),
            };
        }
        edits
    }
}

impl ClaimValues {
    /// The size of the values in bytes.
    pub fn size(&self) -> usize {
        let values = self.0.iter().flat_map(|values| values.iter());
        values.map(|value| value.len() + size_of::<Rc<str>>()).sum()
    }
}

impl std::fmt::Debug for ClaimValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimValues").finish_non_exhaustive()
    }
}

fn value(claim: Option<&Value>) -> Result<Rc<str>, Rejection> {
    let value = match claim {
        None | Some(Value::Null) => String::new(),
        Some(claim @ (Value::Array(_) | Value::Object(_))) => ascii(&claim.to_string()),
        Some(claim) => text(claim).unwrap_or_default(),
    };
    let is_fit = !value.chars().any(char::is_control) && value.trim() == value;
    if is_fit {
        Ok(value.into())
    } else {
        Err(Rejection::UnfitForHeader)
    }
}

/// Escapes everything in JSON that is not ASCII.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() && char != '\x7f' {
            out.push(char);
        } else {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Headers that frame, route or authenticate a request.
const RESERVED: [&str; 14] = [
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Host",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// The most bytes of all values together. Servers accept at least 8 KiB for all headers of a request.
const MAX_LENGTH: usize = 4096;

#[cfg(test)]
mod tests;
