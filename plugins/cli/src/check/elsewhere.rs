//! Finds configuration of Traefik in places that this check does not read.

use super::document::Node;
use super::place::Place;

/// Returns the first label, argument, or environment variable that configures Traefik, and what to say about it.
pub(super) fn elsewhere(node: &Node) -> Option<(Place, String)> {
    let mut found = None;
    let mut look = |text: &str, place: Place| {
        let lower = text.to_ascii_lowercase();
        let what = if lower.starts_with("traefik.http.") || lower.starts_with("traefik.tcp.") {
            "labels configure Traefik"
        } else if (lower.starts_with("--")
            && (lower.contains(".middlewares") || lower.starts_with("--experimental.")))
            || lower.starts_with("traefik_experimental_")
            || (lower.starts_with("traefik_entrypoints_") && lower.contains("middlewares"))
        {
            "arguments or environment variables configure Traefik"
        } else {
            return;
        };
        found.get_or_insert_with(|| {
            let what = format!(
                "{what} here, which this check does not read: it does not judge routers and middlewares in them"
            );
            (place, what)
        });
    };
    node.each_text("", &mut |_, text, place| look(text, place));
    node.each_name(&mut look);
    found
}
