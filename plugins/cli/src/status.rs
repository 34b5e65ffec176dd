//! The state of keys and tokens, as the plugins write it down in their state directory.
//!
//! In scope: reading the records ([`record`]) and three ways to show them: a [`table`] for people, [`json`] for
//! scripts, and [`prometheus`] for node_exporter's textfile collector.

pub mod json;
pub mod prometheus;
pub mod record;
pub mod table;
