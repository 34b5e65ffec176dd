//! A text that is rarely copied.

use std::ops::Deref;
use std::rc::Rc;

/// A name or a value of a header, or a request target. The usual request needs only texts that were made earlier, so
/// they are shared instead of copied.
#[derive(Clone)]
pub enum Text {
    /// A text of the program.
    Static(&'static str),
    /// A text that its owner keeps.
    Shared(Rc<str>),
    /// A text made for one request.
    Owned(String),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<&Rc<str>> for Text {
    fn from(text: &Rc<str>) -> Self {
        Self::Shared(Rc::clone(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}
