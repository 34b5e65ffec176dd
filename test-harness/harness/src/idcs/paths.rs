//! The paths of IDCS's endpoints.

pub(super) const DEVICE: &str = "/oauth2/v1/device";
pub(super) const DEVICE_PAGE: &str = "/ui/v1/device";
pub(super) const IDCS_CONFIGURATION: &str = "/.well-known/idcs-configuration";
pub(super) const INTROSPECT: &str = "/oauth2/v1/introspect";
pub(super) const JWKS: &str = "/admin/v1/SigningCert/jwk";
pub(super) const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
pub(super) const TOKEN: &str = "/oauth2/v1/token";
