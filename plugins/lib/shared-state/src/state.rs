//! The state directory, through which instances, routers and Traefik processes share what they fetch.
//!
//! * `name`: the names of resources. `value`: values of any size, read and replaced atomically.
//! * `seal`: makes values useless to others who can read the directory.
//! * `lease`: the exclusive right to fetch.

mod lease;
mod name;
mod seal;
mod value;

pub(crate) use lease::{Lease, Observer};
pub use name::StateName;
pub use seal::Seal;
pub(crate) use value::Values;
