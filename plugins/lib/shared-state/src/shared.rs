//! Values that are fetched once for all instances. They come from the instance's memory, then the state directory, then
//! the store, then the provider.
//!
//! The rules, in the order in which each request tries them:
//!
//! 1. An instance uses its cached value while the value is fresh. That costs no host call except the clocks and, now
//!    and then, a look at the state directory: another instance may have had a reason to fetch a newer value, such as a
//!    changed signing key, or to discard this one.
//! 2. At the refresh time the state directory may have a newer value, because another instance refreshed it.
//! 3. Otherwise one instance, the holder of the lease, fetches. The others use their cached value while it is usable.
//! 4. If no usable value is cached, one instance fetches and the others wait for its result, at most for as long as a
//!    fetch may take.
//! 5. A failed fetch is recorded for all. Until its pause is over, nobody tries again and nobody waits. Then one
//!    instance tries (half-open), and the others still do not wait. While a usable value is cached, attempts are
//!    further apart.
//! 6. If the state directory fails, instances cannot coordinate. Each of them fetches for itself and keeps its own
//!    record of failures. That is slower, and means more calls to the provider, but no outage.
//! 7. If there is a store, the instance that is about to fetch asks it first (`replicas`), so one of several machines
//!    fetches. A store that fails is ignored.
//! 8. A value that is not sufficient, such as keys that do not explain a signature, is fetched again at a limited rate
//!    (`refetch`).
//! 9. If the provider denies the caller ([`FetchError::Denied`]), all instances drop the value. If the provider does
//!    not answer, or refuses the gateway itself, the value stays in use until the end of its lifetime.
//! 10. Waiting costs processor time, because a guest cannot sleep. The number of requests of a process that wait is
//!     limited; further ones are refused at once (`waiting`).
//!
//! * `resource`: what is fetched. `view`: one instance's view of it ([`Shared`]); `many`: of many of them.
//! * `instance`: the view without the type of the value, so that the rules above are compiled once; `any_resource`: what
//!   they see of a resource.
//! * `adopt`, `obtain`, `fetch`, `refetch`, `replicas`, `discard`: how a view gets its value, and loses it.
//! * `cached`, `envelope`, `records`, `status`, `attempt`: a value in memory and in the state directory, and the
//!   records of it. `remote`, `former`: where else it may be.
//! * `fetch_error`: why one fetch failed. `failure_record`: what of that is recorded. `failure`: what a request is
//!   told.

mod adopt;
mod any_resource;
mod attempt;
mod cached;
mod discard;
mod envelope;
mod failure;
mod failure_record;
mod fetch;
mod fetch_error;
mod former;
mod fresh;
mod instance;
mod many;
mod obtain;
mod records;
mod refetch;
mod remote;
mod replicas;
mod resource;
mod status;
#[cfg(test)]
mod test_resource;
#[cfg(test)]
mod tests;
mod view;
mod waiting;

pub use self::failure::{Cause, Failure};
pub use self::fetch_error::FetchError;
pub use self::former::Former;
pub use self::fresh::send_fresh;
pub use self::many::{CallerKey, SharedMany};
pub use self::refetch::RefetchInterval;
pub use self::resource::{Exchange, Fetched, Lifetime, Resource};
pub use self::view::Shared;
