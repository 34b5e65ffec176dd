//! TLS as an option block configures it.
//!
//! * `options`: the block, and the configuration for rustls that it describes.
//! * `lazy`: builds that configuration when it is first needed.
//! * `any_certificate`, `given_certificate`: which certificates are accepted; `server_verifier`: the rest of a verifier.
//! * `client_key`: the private key of a client certificate.
//! * `in_words`: errors for operators.

mod any_certificate;
mod client_key;
mod given_certificate;
mod in_words;
mod lazy;
mod options;
mod server_verifier;
#[cfg(test)]
mod tests;

pub(crate) use in_words::in_words;
pub use lazy::Tls;
pub use options::TlsOptions;
