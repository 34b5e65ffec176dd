//! The callers of the mock.

/// An authenticated caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) sub: String,
    /// `client` or `user`.
    pub(super) sub_type: String,
}

/// A user who may use Basic authentication.
#[derive(Clone)]
pub(super) struct BasicUser {
    pub(super) name: String,
    pub(super) password: String,
    /// Users with multi-factor authentication cannot use Basic.
    pub(super) mfa: bool,
}
