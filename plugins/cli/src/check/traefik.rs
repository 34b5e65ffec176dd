//! Builds names like Traefik.

/// Returns the name of a Kubernetes object in the provider `kubernetesCRD`.
pub(super) fn crd_id(namespace: &str, name: &str) -> String {
    format!("{}@kubernetescrd", normalized(&format!("{namespace}-{name}")))
}

/// Keeps letters and digits, and replaces everything between them with a dash.
fn normalized(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// Returns a name with its provider. A name without one belongs to the provider that uses it.
pub(super) fn qualified(name: &str, provider: &str) -> String {
    match name.contains('@') {
        true => name.to_owned(),
        false => format!("{name}@{provider}"),
    }
}

/// Returns a server as host and port. `http` and `https` with their default ports give the same result.
pub(super) fn server(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let usual = [":443", ":80"].iter().find_map(|port| host.strip_suffix(port));
    usual.unwrap_or(&host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_traefik() {
        assert_eq!(crd_id("apps", "my.jwt"), "apps-my-jwt@kubernetescrd");
        assert_eq!(qualified("a", "file"), "a@file");
        assert_eq!(qualified("a@docker", "file"), "a@docker");
    }

    #[test]
    fn the_same_server_has_one_name() {
        for url in [
            "https://OIC.example",
            "https://oic.example:443/ic/api",
            "http://oic.example:80",
            "h2c://user@oic.example/?x",
            "oic.example:443",
        ] {
            assert_eq!(server(url), "oic.example", "{url}");
        }
        assert_eq!(server("http://127.0.0.1:8080/"), "127.0.0.1:8080");
    }
}
