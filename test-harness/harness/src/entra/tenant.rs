//! The names of the tenant.

/// The tenant ID, which is part of both issuers.
pub const TENANT: &str = "6c1f3b0e-9a52-4d0c-8b7e-2f4a5d6e7f80";
/// The application ID of the gateway's API. Tokens of version 2 contain it.
pub const API: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// Returns both issuers of the tenant: version 1, then version 2.
pub fn issuers() -> [String; 2] {
    [
        format!("https://sts.windows.net/{TENANT}/"),
        format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
    ]
}
