//! How fast the gateway is, and what it costs. Every figure stands beside those of the alternatives from the same run.
//!
//! In scope: requests per second, latency and CPU time of each row ([`rows`], [`spec`]), memory per request in flight
//! ([`in_flight`]), start-up times ([`start`]), signature checks inside Traefik ([`checks`]), how cost grows
//! ([`growth`]), reloads ([`reload`]), two builds side by side ([`comparison`]), and the report. The load generator and
//! the backends share the processors with the gateway that is measured, so they are purpose-built to use as little of
//! them as possible. The row `direct` shows how fast they are without a gateway in between.
//!
//! Out of scope: verdicts. The figures belong to one machine and one run; compare only figures of the same run.

mod authoriser;
mod backend;
mod checks;
mod comparison;
mod costs;
mod error;
mod figures;
mod generator;
mod growth;
mod in_flight;
mod lane;
mod load;
mod machine;
mod page;
mod peer;
mod policy;
mod reload;
mod report;
mod requests;
mod row;
mod rows;
mod run;
mod server;
mod settings;
mod site;
mod spec;
mod start;
mod statistics;
mod summary;
mod table;
mod watch;
mod wire;

pub use self::error::BenchError;
pub use self::figures::Figures;
pub use self::page::PageError;
pub use self::report::Report;
pub use self::run::{COMPARED, MEASUREMENTS};
pub use self::settings::Bench;
pub use self::spec::ROWS;
