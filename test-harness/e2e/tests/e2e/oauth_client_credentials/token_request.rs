//! What the token endpoint receives, and over which connections.

use harness::certificates::CertificateAuthority;
use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{Application, Idcs, Resource};
use serde_json::{Value, json};

use super::{Case, assert_refused, side_by_side, unguarded};
use crate::support::plugin_lines;

#[test]
fn the_client_proves_itself_by_header_or_body_whatever_its_secret_holds() {
    let secrets = [
        "plain",
        "two words",
        "a+b&c=d;e?f#g/h",
        "100%41%zz",
        ":colons:at:both:ends:",
        " blanks at both ends ",
        "quotes \" ' ` and \\ and $1 ${x}",
        "ümläut ✓ 𝄞 日本",
        "urn:k8s",
    ];
    let mut cases = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        for (method, scheme) in [
            (None, Some("Basic")),
            (Some("client_secret_basic"), Some("Basic")),
            (Some("client_secret_post"), None),
        ] {
            let id = format!("app {index}:+%ü");
            let name = format!("s{index}{}", method.unwrap_or("").replace("_", ""));
            let options =
                json!({ "clientID": id, "clientSecret": secret, "tokenEndpointAuthMethod": method });
            let case = Case::new(&name, options);
            case.idcs
                .register(Application::new(&id, secret).granted(&Resource::oic()));
            cases.push((case, id, scheme));
        }
    }
    let gateway = side_by_side(cases.iter().map(|(case, ..)| case)).start();
    for (case, id, scheme) in &cases {
        // OIC does not know this client. It is enough that the request reached OIC.
        let answer = case.get(&gateway);
        assert_eq!(answer.status, 401, "{}: {}", case.name, answer.text());
        assert_eq!(case.oic.tokens_seen()[0].sub, *id, "{}", case.name);
        let [request] = case.idcs.requests().try_into().unwrap();
        assert_eq!(request.authorization_scheme.as_deref(), *scheme, "{}", case.name);
        assert_eq!(
            request.form.contains_key("client_secret"),
            scheme.is_none(),
            "{}",
            case.name
        );
        assert_eq!(request.status, Some(200), "{}", case.name);
    }
}

#[test]
fn scopes_audience_and_further_parameters_reach_the_token_endpoint() {
    let scopes = [
        Resource::oic().full_scope("urn:opc:resource:consumer::all"),
        Resource::oic().full_scope("/ic/api/"),
    ];
    let options = json!({
        "scopes": scopes,
        "audience": "https://audience.example:443/ä b",
        "endpointParams": { "resource": "urn:x&y=z", "x_Custom-param": "1 + 1" },
    });
    let case = Case::new("parameters", options);
    let gateway = side_by_side([&case]).start();
    assert_eq!(case.get(&gateway).status, 200);
    let [request] = case.idcs.requests().try_into().unwrap();
    let form: Vec<(&str, &str)> = request
        .form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        form,
        [
            ("audience", "https://audience.example:443/ä b"),
            ("grant_type", "client_credentials"),
            ("resource", "urn:x&y=z"),
            ("scope", scopes.join(" ").as_str()),
            ("x_Custom-param", "1 + 1"),
        ]
    );
    assert_eq!(
        case.idcs.tokens_issued()[0].scope,
        "urn:opc:resource:consumer::all /ic/api/"
    );
}

#[test]
fn the_providers_certificate_is_checked_unless_told_otherwise() {
    let case = |name: &str, tls: Value, trusted: bool| {
        let case = Case::new(name, json!({ "clientConfig": { "tls": tls } }));
        if !trusted {
            case.idcs.down(Fault::UntrustedCertificate);
        }
        case
    };
    let unrelated = CertificateAuthority::unrelated().ca_pem();
    let trusting = case("trusting", json!({ "ca": unrelated }), false);
    let skipping = case("skipping", json!({ "insecureSkipVerify": true }), false);
    let as_text = case(
        "astext",
        json!({ "insecureSkipVerify": "true", "ca": null }),
        false,
    );
    let checking = case("checking", json!({ "insecureSkipVerify": false }), false);
    let bare = case("bare", json!({ "ca": null }), true);
    let gateway = side_by_side([&trusting, &skipping, &as_text, &checking, &bare]).start();
    for case in [&trusting, &skipping, &as_text] {
        let answer = case.get(&gateway);
        assert_eq!(answer.status, 200, "{}: {}", case.name, answer.text());
    }
    for case in [&checking, &bare] {
        assert_refused(
            &case.name,
            &case.get(&gateway),
            503,
            "identity_provider_unavailable",
            2,
        );
        assert_eq!(
            (case.idcs.token_calls(), case.oic.requests_count()),
            (0, 0),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_client_certificate_is_shown() {
    let authority = CertificateAuthority::unrelated();
    let identity = |authority: &CertificateAuthority| {
        let certificate = authority.issue_client("gateway");
        json!({ "cert": certificate.certificate_pem(), "key": certificate.key_pem() })
    };
    let case = |name: &str, tls: Value| {
        let idcs = Idcs::builder().only_clients_of(authority).start();
        Case::of(idcs, name, json!({ "clientConfig": { "tls": tls } }))
    };
    let known = case("known", identity(authority));
    let unknown = case("unknown", identity(CertificateAuthority::shared()));
    let none = case("none", json!({}));
    let gateway = side_by_side([&known, &unknown, &none]).start();
    let answer = known.get(&gateway);
    assert_eq!(answer.status, 200, "{}", answer.text());
    for case in [&unknown, &none] {
        let answer = case.get(&gateway);
        assert_refused(&case.name, &answer, 503, "identity_provider_unavailable", 2);
        assert_eq!(case.idcs.token_calls(), 0, "{}", case.name);
    }
    assert!(
        !gateway
            .traefik
            .log()
            .lines()
            .any(|line| line.contains("code=") && line.contains("PRIVATE KEY"))
    );
}

#[test]
fn a_provider_without_tls_works_and_is_warned_about() {
    let gateway = unguarded(
        Gateway::in_front_of(Idcs::builder().plain_http().start()),
        &["/echo"],
    )
    .start();
    assert!(gateway.idcs.token_url().starts_with("http://"));
    assert_eq!(gateway.get("/echo").send().unwrap().status, 200);
    assert_eq!(gateway.idcs.token_calls(), 1);
    let log = gateway.traefik.log();
    let warned = plugin_lines(&log).any(|line| {
        line.contains(r#""level":"warn""#) && line.contains("code=configuration.insecure option=url")
    });
    assert!(warned, "{log}");
}
