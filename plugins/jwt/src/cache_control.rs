//! Reads how long a response may be cached from its `Cache-Control` header (RFC 9111 §5.2.2.1).

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// Returns `max-age`, or `None` if it is missing or malformed.
///
/// `no-store` and similar directives are ignored: the plugin must keep keys to be able to use them.
pub(crate) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|directive| {
            let (name, value) = directive.split_once('=')?;
            let seconds = value.trim().trim_matches('"');
            let is_it = name.trim().eq_ignore_ascii_case("max-age");
            is_it
                .then(|| seconds.parse().ok().map(Duration::from_secs))
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_first_readable_max_age_counts() {
        for (values, seconds) in [
            (&["max-age=60"][..], Some(60)),
            (&["public, Max-Age = 3600 , must-revalidate"], Some(3600)),
            (&["public", "max-age=\"5\""], Some(5)),
            (&["max-age=0"], Some(0)),
            (&["s-maxage=7, max-age=8"], Some(8)),
            (&["max-age=-1"], None),
            (&["max-age=99999999999999999999999"], None),
            (&["max-age"], None),
            (&["no-store"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(max_age(&headers), seconds.map(Duration::from_secs), "{values:?}");
        }
    }
}
