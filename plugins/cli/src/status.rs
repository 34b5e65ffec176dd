//! The state of keys and tokens, as the plugins record it in their state directory.
//!
//! [`record`] reads the records. There are three ways to show them: a [`table`] for people, [`json`] for scripts, and
//! [`prometheus`] for node_exporter's textfile collector.

pub mod json;
pub mod prometheus;
pub mod record;
pub mod table;
