//! Who calls.

/// A caller who has proved who it is.
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
    /// Multi-factor authentication rules out Basic.
    pub(super) mfa: bool,
}
