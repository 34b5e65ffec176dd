//! Names as Traefik makes them.

/// An object of Kubernetes as the provider `kubernetesCRD` calls it.
pub(super) fn crd_id(namespace: &str, name: &str) -> String {
    format!("{}@kubernetescrd", normalized(&format!("{namespace}-{name}")))
}

/// Letters and digits, and a dash for whatever is between.
fn normalized(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// A name with its provider, which is that of whatever names it unless it says another.
pub(super) fn qualified(name: &str, provider: &str) -> String {
    match name.contains('@') {
        true => name.to_owned(),
        false => format!("{name}@{provider}"),
    }
}

/// A server by host and port, the same for `http` and `https` with their usual ports.
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
