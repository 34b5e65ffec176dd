//! The state directory, through which instances, routers and Traefik processes share what they fetch.
//!
//! * `name`: the names of resources. `value`: values of any size, read and replaced atomically.
//! * `seal`: makes values useless to others who can read the directory.
//! * `lease`: the right to be the one instance that fetches.

mod lease;
mod name;
mod seal;
mod value;

pub(crate) use lease::{Lease, Observer};
pub use name::StateName;
pub use seal::Seal;
pub(crate) use value::Values;
