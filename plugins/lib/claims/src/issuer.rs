//! Issuers and audiences as URLs.

/// Compares two values of `iss`. A trailing slash and the port `:443` make no difference.
pub fn same_issuer(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|url| without_https_port(without_slash(url)));
    one == other
}

fn without_slash(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
}

/// Splits an https URL into its authority without `:443` and the rest. Any other text is the rest as a whole.
/// IDCS writes its own URLs with and without the default port.
pub(crate) fn without_https_port(url: &str) -> (&str, &str) {
    let Some(rest) = url.strip_prefix("https://") else {
        return ("", url);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    (authority.strip_suffix(":443").unwrap_or(authority), path)
}

/// The first label of the host of an https URL.
pub(crate) fn first_host_label(url: &str) -> Option<&str> {
    let (authority, _) = without_https_port(url);
    authority.split('.').next().filter(|label| !label.is_empty())
}
