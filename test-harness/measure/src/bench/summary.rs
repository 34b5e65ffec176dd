//! The short answer for users: what the gateway and its peers cost.

use super::report::Report;
use super::row::Row;
use super::spec::{
    Build, CHAIN_WARM, ENVOY_CACHED, ENVOY_UNCACHED, FORWARD_AUTH, GATEWAY_COLD, GATEWAY_WARM, HAPROXY, PLAIN,
};
use super::table::{Table, none, number};

impl Report {
    /// A sentence about the gateway, and a table with one line for each gateway that was measured.
    pub(super) fn summary(&self) -> String {
        let table = self.summary_table();
        match self.in_a_sentence() {
            Some(sentence) => format!("{sentence}\n\n{table}"),
            None => table.to_string(),
        }
    }

    fn in_a_sentence(&self) -> Option<String> {
        let [gateway, plain] =
            [GATEWAY_WARM, PLAIN].map(|name| self.row(name, Build::Current, self.connections));
        let (share, more) = (gateway?.rate_of(plain?)?, gateway?.cpu_above(plain?)?);
        Some(format!(
            "With `gateway`, Traefik serves {:.2} of the requests that it serves without a check, and each takes {:.0} µs \
             more.",
            share.median, more.median
        ))
    }

    fn summary_table(&self) -> Table {
        let mut table = Table::new(&[
            "gateway",
            "requests/s of plain",
            "CPU µs per request",
            "more than plain",
        ]);
        let row = |name| self.row(name, Build::Current, self.connections);
        let plain = row(PLAIN);
        for (what, name) in LINES {
            let Some(row) = row(name).filter(|row| row.absent.is_none()) else {
                continue;
            };
            table.add(vec![
                what.to_owned(),
                number(self.rate_of_plain(row).map(|share| share.median), 2),
                number(row.median(|round| round.cpu_us), 0),
                plain.map_or_else(none, |plain| more(row, plain)),
            ]);
        }
        table
    }
}

/// Processor time that a row takes more than the plain gateway, with its sign.
fn more(row: &Row, plain: &Row) -> String {
    match row.cpu_above(plain) {
        Some(_) if row.name == PLAIN => none(),
        Some(above) => format!("{:+.0}", above.median),
        None => none(),
    }
}

const LINES: [(&str, &str); 8] = [
    ("Traefik without a check", PLAIN),
    ("`gateway`, known tokens", GATEWAY_WARM),
    ("`gateway`, new tokens", GATEWAY_COLD),
    ("three plugins, known tokens", CHAIN_WARM),
    ("Traefik's `forwardAuth`", FORWARD_AUTH),
    ("Envoy, known tokens", ENVOY_CACHED),
    ("Envoy without its cache", ENVOY_UNCACHED),
    ("HAProxy, which has no cache", HAPROXY),
];
