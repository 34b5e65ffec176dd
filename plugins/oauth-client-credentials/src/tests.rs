//! Runs the middleware natively, against a small token endpoint.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use egress::platform::Native;
use middleware::{Decision, Edit, Middleware};
use test_doubles::{Endpoint, Request, decide};

use crate::OAuthClientCredentials;

fn plugin(config: &str, directory: &tempfile::TempDir) -> Result<OAuthClientCredentials, String> {
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    OAuthClientCredentials::new(config.as_bytes(), platform).map_err(|error| error.to_string())
}

#[test]
fn the_callers_credentials_are_replaced_by_a_token_fetched_once() {
    let endpoint = Endpoint::answering(
        200,
        r#"{"access_token":"the-token","token_type":"Bearer","expires_in":3600}"#,
    );
    let url = endpoint.url();
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        r#"{{"url":"{url}","clientID":"app","clientSecret":"s3cret","scopes":["a","b"],"endpointParams":{{"x":"y"}}}}"#
    );
    for _ in 0..3 {
        let mut plugin = plugin(&config, &directory).unwrap();
        let Decision::Forward(edits) = decide(&mut plugin, &Request::get("/")) else {
            panic!("refused")
        };
        assert_eq!(
            edits.iter().collect::<Vec<_>>(),
            [&Edit::SetHeader(
                "Authorization".into(),
                "Bearer the-token".into()
            )]
        );
    }
    let [request] = endpoint.received().try_into().unwrap();
    assert_eq!(request.body, "grant_type=client_credentials&scope=a+b&x=y");
    let authorization = request.header("Authorization").unwrap();
    assert!(authorization.starts_with("Basic "), "{authorization}");
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let content = std::fs::read_link(entry.unwrap().path()).unwrap();
        assert!(!content.to_string_lossy().contains("the-token"));
    }
}

#[test]
fn a_token_is_shared_only_with_those_who_believe_the_same_servers() {
    let endpoint = Endpoint::answering(200, r#"{"access_token":"the-token","expires_in":3600}"#);
    let url = endpoint.url();
    let directory = tempfile::tempdir().unwrap();
    let config = |tls: serde_json::Value| {
        serde_json::json!({
            "url": url, "clientID": "app", "clientSecret": "s3cret", "clientConfig": { "tls": tls },
        })
    };
    let careful = serde_json::json!({});
    let careless = serde_json::json!({ "insecureSkipVerify": true });
    for (tls, calls) in [(&careless, 1), (&careful, 1), (&careless, 0), (&careful, 0)] {
        let mut plugin = plugin(&config(tls.clone()).to_string(), &directory).unwrap();
        assert!(matches!(
            decide(&mut plugin, &Request::get("/")),
            Decision::Forward(_)
        ));
        assert_eq!(endpoint.take_received().len(), calls, "{tls}");
    }
}

#[test]
fn trouble_at_the_provider_is_never_the_callers_fault() {
    for (status, body, expected, reason) in [
        (
            401,
            r#"{"error":"invalid_client"}"#,
            502,
            "identity_provider_refused",
        ),
        (
            400,
            r#"{"error":"invalid_scope"}"#,
            502,
            "identity_provider_refused",
        ),
        (500, "", 503, "identity_provider_unavailable"),
        (429, "", 503, "identity_provider_unavailable"),
        (200, "", 503, "identity_provider_unavailable"),
        (200, "<html>", 503, "identity_provider_unavailable"),
        (
            200,
            r#"{"token_type":"Bearer"}"#,
            503,
            "identity_provider_unavailable",
        ),
    ] {
        let endpoint = Endpoint::answering(status, body);
        let url = endpoint.url();
        let directory = tempfile::tempdir().unwrap();
        let config = format!(r#"{{"url":"{url}","clientId":"app","clientSecret":"s3cret","scopes":"a"}}"#);
        let mut plugin = plugin(&config, &directory).unwrap();
        let Decision::Reply(reply) = decide(&mut plugin, &Request::get("/")) else {
            panic!("{status} {body}: passed on without a token")
        };
        assert_eq!(reply.status, expected, "{status} {body}");
        assert!(std::str::from_utf8(&reply.body).unwrap().contains(reason));
        assert!(reply.headers.iter().any(|(name, _)| *name == "Retry-After"));
    }
}

#[test]
fn rules_are_about_the_fetched_token() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"tenant":"idcs-1","sub":"gateway","user":{"id":7}}"#);
    let jwt = format!(r#"{{"access_token":"e30.{claims}.c2ln","token_type":"Bearer","expires_in":3600}}"#);
    let opaque = r#"{"access_token":"opaque","token_type":"Bearer","expires_in":3600}"#;
    for (body, rules, expected) in [
        (&*jwt, r#""claims":"Equals(`tenant`, `idcs-1`)""#, Some(vec![])),
        (&jwt, r#""claims":"Equals(`tenant`, `idcs-2`)""#, None),
        (opaque, r#""claims":"Equals(`tenant`, `idcs-1`)""#, None),
        (
            &jwt,
            r#""forwardHeaders":{"X-Id":"user.id"},"usernameClaim":"sub""#,
            Some(vec![("X-Id", "7"), ("X-Forwarded-User", "gateway")]),
        ),
        (
            &jwt,
            r#""usernameClaim":"sub","usernameHeader":"X-Who""#,
            Some(vec![("X-Who", "gateway")]),
        ),
        (
            opaque,
            r#""forwardHeaders":{"X-Id":"user.id"}"#,
            Some(vec![("X-Id", "")]),
        ),
    ] {
        let endpoint = Endpoint::answering(200, body);
        let url = endpoint.url();
        let directory = tempfile::tempdir().unwrap();
        let config = format!(r#"{{"url":"{url}","clientID":"app","clientSecret":"s3cret",{rules}}}"#);
        let mut plugin = plugin(&config, &directory).unwrap();
        for _ in 0..2 {
            match (decide(&mut plugin, &Request::get("/")), &expected) {
                (Decision::Forward(edits), Some(expected)) => {
                    let set = edits.iter().map(|edit| match edit {
                        Edit::SetHeader(name, value) => (&**name, &**value),
                        other => panic!("{other:?}"),
                    });
                    let set: Vec<_> = set.filter(|(name, _)| *name != "Authorization").collect();
                    assert_eq!(&set, expected, "{rules}");
                }
                (Decision::Reply(reply), None) => assert_eq!(reply.status, 403, "{rules}"),
                (decision, _) => panic!("{rules}: {decision:?}"),
            }
        }
    }
}

#[test]
fn configuration_errors_name_the_option() {
    let good = r#""url":"https://idcs/t","clientID":"a","clientSecret":"b""#;
    for (config, start) in [
        ("{}".to_owned(), "url: is required"),
        (
            r#"{"url":"https://idcs/t","clientSecret":"a"}"#.to_owned(),
            "clientID: is required",
        ),
        (
            r#"{"url":"https://idcs/t","clientID":"a","clientSecret":""}"#.to_owned(),
            "clientSecret: is required",
        ),
        (
            format!(r#"{{{good},"scopesByClient":{{"a":["b"]}}}}"#),
            "scopesByClient: is about clients that callers bring",
        ),
        (
            format!(r#"{{{good},"limits":{{"callsPerMinute":5}}}}"#),
            "limits: is about clients that callers bring",
        ),
        (
            r#"{"url":"https://idcs/t","clientID":"a"}"#.to_owned(),
            "clientSecret: is required",
        ),
        (
            r#"{"url":"idcs/t","clientID":"a","clientSecret":"b"}"#.to_owned(),
            "url: must be an absolute URL",
        ),
        (
            r#"{"url":"https://idcs/t","clientID":"urn:k8s:creds:creds:clientID","clientSecret":"b"}"#
                .to_owned(),
            "clientID: is a Kubernetes secret reference",
        ),
        (
            format!(r#"{{{good},"scopes":["urn:k8s:secret:c:scope"]}}"#),
            "scopes[0]: is a Kubernetes secret reference",
        ),
        (
            format!(r#"{{{good},"scope":"x"}}"#),
            "scope: is not an option of this plugin; did you mean `scopes`?",
        ),
        (
            format!(r#"{{{good},"endpointParams":{{"scope":"x"}}}}"#),
            "endpointParams.scope: has an option of its own",
        ),
        (
            format!(r#"{{{good},"tokenEndpointAuthMethod":"basic"}}"#),
            "tokenEndpointAuthMethod: must be",
        ),
        (
            format!(r#"{{{good},"clientConfig":{{"timeoutSeconds":0}}}}"#),
            "clientConfig.timeoutSeconds: must be",
        ),
        (
            format!(r#"{{{good},"clientConfig":{{"tls":{{"ca":"nonsense"}}}}}}"#),
            "clientConfig.tls.ca: is not PEM",
        ),
        (
            format!(r#"{{{good},"claims":"Equals(`a`)"}}"#),
            "claims: cannot be read: Equals takes a key and a value",
        ),
        (
            format!(r#"{{{good},"forwardHeaders":{{"Host":"a"}}}}"#),
            "forwardHeaders.Host: is a header with a meaning of its own",
        ),
        (
            format!(r#"{{{good},"store":{{"redis":{{"endpoints":["a:1"]}}}}}}"#),
            "store.secret: is required",
        ),
        (
            format!(r#"{{{good},"clientConfig":{{"tls":{{"cert":"x"}}}}}}"#),
            "clientConfig.tls.",
        ),
    ] {
        let error = plugin(&config, &tempfile::tempdir().unwrap()).err().unwrap();
        assert!(error.starts_with(start), "{config}: {error}");
    }
}

#[test]
fn a_new_secret_goes_on_with_the_old_ones_token_and_another_client_does_not() {
    let endpoint = Endpoint::answering(200, r#"{"access_token":"the-token","expires_in":3600}"#);
    let url = endpoint.url();
    let directory = tempfile::tempdir().unwrap();
    let of = |id: &str, secret: &str| {
        let config = format!(r#"{{"url":"{url}","clientID":"{id}","clientSecret":"{secret}"}}"#);
        plugin(&config, &directory).unwrap()
    };
    let forwards = |plugin: &mut OAuthClientCredentials| {
        assert!(matches!(decide(plugin, &Request::get("/")), Decision::Forward(_)));
    };
    let mut old = of("app", "old");
    forwards(&mut old);
    let mut new = of("app", "new");
    new.take_over(old);
    forwards(&mut new);
    forwards(&mut of("app", "new"));
    assert_eq!(
        endpoint.take_received().len(),
        1,
        "an instance that never knew the old secret finds the token too"
    );
    let mut other = of("other", "new");
    other.take_over(new);
    forwards(&mut other);
    assert_eq!(endpoint.take_received().len(), 1);
}
