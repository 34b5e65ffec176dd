//! Claims as request headers: Traefik Hub's `forwardHeaders` and `usernameClaim`.
//!
//! A backend that trusts such a header must never see one that the client wrote. So every header of the same name is
//! removed first, and so is every alias that a backend could take for it: many put `_` or `.` for `-`, or fold case.

use std::collections::BTreeMap;
use std::rc::Rc;

use jose::{Claims, Rejection, Value};
use middleware::{ConfigError, Edits, RequestHead, is_token, same_to_a_backend, work};

use crate::path::{ClaimPath, text};

/// Which headers are made of which claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimHeaders(Vec<Header>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    claim: ClaimPath,
}

/// The values for the headers of a [`ClaimHeaders`], in its order. Claims are about people, so they are not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClaimValues(Option<Rc<[Box<str>]>>);

impl ClaimHeaders {
    /// The header that `usernameClaim` becomes where `usernameHeader` is not given.
    pub const USERNAME_HEADER: &str = "X-Forwarded-User";

    /// Reads the options `forwardHeaders` (header to claim), `usernameClaim` and `usernameHeader`.
    ///
    /// # Errors
    /// [`ConfigError`] for a name that cannot be a header's, or must not come from a claim; for two names that a backend
    /// could take for one; for a claim that cannot be read.
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
            return Err(ConfigError::new(name_option, "is no name of a header"));
        }
        if RESERVED.iter().any(|reserved| same_to_a_backend(reserved, name)) {
            return Err(ConfigError::new(
                name_option,
                "is a header with a meaning of its own, which a claim must not change: choose another name",
            ));
        }
        if let Some(other) = self.0.iter().find(|other| same_to_a_backend(&other.name, name)) {
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
            name: name.to_owned(),
            claim,
        });
        Ok(())
    }

    /// Whether no header is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is made of the claim `name`, or of something inside of it.
    pub fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|header| header.claim.begins_with(name))
    }

    /// Takes the values from claims. A claim that is missing or `null` gives an empty value. Text, numbers and booleans
    /// are written as they are, a number with all its digits; lists and objects as JSON without blanks, in ASCII.
    ///
    /// # Errors
    /// [`Rejection::UnfitForHeader`] for text with control characters, or with blanks around it: a server would drop
    /// those, and so mistake one user for another. The same where all values together are longer than a header should be.
    pub fn values(&self, claims: &Claims) -> Result<ClaimValues, Rejection> {
        if self.0.is_empty() {
            return Ok(ClaimValues::default());
        }
        let values: Vec<Box<str>> = self
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

    /// What to do with the request whose token has these values.
    pub fn edits(&self, request: &dyn RequestHead, values: &ClaimValues) -> Edits {
        let mut edits = Edits::none();
        if self.0.is_empty() {
            return edits;
        }
        for sent in request.header_names() {
            work(10 + self.0.len() + sent.len());
            let Ok(sent) = std::str::from_utf8(&sent) else {
                continue;
            };
            let is_alias = |header: &Header| {
                same_to_a_backend(&header.name, sent) && !header.name.eq_ignore_ascii_case(sent)
            };
            if self.0.iter().any(is_alias) {
                edits = edits.remove_header(sent);
            }
        }
        let values = values.0.iter().flat_map(|values| values.iter());
        let values = values.map(AsRef::as_ref).chain(std::iter::repeat(""));
        for (header, value) in self.0.iter().zip(values) {
            edits = edits.set_header(&header.name, value);
        }
        edits
    }
}

impl ClaimValues {
    /// Bytes they take.
    pub fn size(&self) -> usize {
        let values = self.0.iter().flat_map(|values| values.iter());
        values.map(|value| value.len() + size_of::<Box<str>>()).sum()
    }
}

impl std::fmt::Debug for ClaimValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimValues").finish_non_exhaustive()
    }
}

fn value(claim: Option<&Value>) -> Result<Box<str>, Rejection> {
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

/// JSON with everything beyond ASCII escaped.
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

/// Headers that say where a request ends, where it goes, or who sends it.
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

/// Bytes of all values together. Servers take 8 KiB for all headers of a request, or more.
const MAX_LENGTH: usize = 4096;

#[cfg(test)]
mod tests;
