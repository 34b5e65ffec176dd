//! How fast the gateway is, and what it costs: every figure beside its peers' from the same run.
//!
//! In scope: requests per second, latency and processor time of each row ([`rows`]), memory per request in flight
//! ([`in_flight`]), times to start ([`start`]), signature checks inside Traefik ([`rs256`]), how cost grows
//! ([`growth`]), and the report. The load generator and the servers behind the gateways are made for this purpose
//! alone: two processors are shared by all, so what they take is missing elsewhere. The row `direct` shows how far
//! they go without a gateway between them.
//!
//! Out of scope: judging. Figures are of one machine and one run; only those of the same run may be compared.

mod authoriser;
mod backend;
mod envoy;
mod error;
mod figures;
mod generator;
mod growth;
mod in_flight;
mod machine;
mod page;
mod profile;
mod report;
mod requests;
mod rows;
mod rs256;
mod run;
mod server;
mod settings;
mod site;
mod start;
mod statistics;
mod watch;
mod wire;

pub use self::error::BenchError;
pub use self::figures::Figures;
pub use self::page::PageError;
pub use self::report::Report;
pub use self::rows::ROWS;
pub use self::run::MEASUREMENTS;
pub use self::settings::Bench;
