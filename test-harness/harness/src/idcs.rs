//! A mock of one OCI IAM identity domain (IDCS): token endpoint, JWK Set of the signing certificate, discovery,
//! introspection, and device flow. Switches make it misbehave.
//!
//! In scope: what a gateway and its clients see of IDCS over HTTP(S), and records of their requests.
//! Out of scope: browsers, consoles, SCIM.
//!
//! ```no_run
//! use harness::faults::Fault;
//! use harness::idcs::{Endpoint, Idcs};
//!
//! let idcs = Idcs::start();
//! let token = idcs.client_token().scope("orders.read").mint();
//! idcs.down_at(Endpoint::Jwks, Fault::Hang);
//! idcs.rotate_now();
//! assert_eq!(idcs.token_calls(), 0);
//! ```
//!
//! From the bottom up: `paths`, `request` and `errors` define the protocol. `domain` is the state that all endpoints
//! share. Each endpoint has its own file. `service` dispatches requests to the endpoints. `handle` and `builder` are
//! the interface for tests.

mod access_token;
mod applications;
mod assertions;
mod builder;
mod client_authentication;
mod client_token;
mod device;
#[cfg(test)]
mod device_tests;
mod discovery;
mod domain;
mod errors;
mod grants;
mod handle;
mod introspection;
mod jwks;
mod key_ring;
mod paths;
mod records;
mod request;
mod scopes;
mod service;
mod switches;
#[cfg(test)]
mod tests;
mod token_endpoint;
mod token_states;
mod user_grants;

pub use self::applications::{Application, Resource};
pub use self::builder::IdcsBuilder;
pub use self::client_token::{ClientToken, PublicKeyForm};
pub use self::handle::{Idcs, IdcsHandle};
pub use self::records::{IssuedToken, RecordedRequest};
pub use self::switches::{
    AudienceShape, Endpoint, EndpointSwitches, ExpiresIn, IssuerMode, RateLimit, ScopeRefusal, Switches,
};
