//! Files with mistakes, and what is said about them.

use super::*;

/// Checks these texts as files; a finding is `file:line:column severity: message`, its severity cut to one letter.
fn check_texts(texts: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let file = folder.path().join(format!("{index}.yml"));
            fs::write(&file, text).unwrap();
            file
        })
        .collect();
    let shown = |finding: Finding| {
        finding
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    };
    check(&files).unwrap().into_iter().map(shown).collect()
}

#[track_caller]
fn assert_findings(texts: &[&str], expected: &[&str]) {
    let found = check_texts(texts);
    let fits = |(found, expected): (&String, &&str)| {
        let mut rest = found.as_str();
        expected.split('…').all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    };
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(fits),
        "{found:#?}\n{expected:#?}"
    );
}

const GOOD: &str = "\
http:
  routers:
    echo: {rule: PathPrefix(`/echo`), middlewares: [jwt, token], service: oic}
  middlewares:
    jwt:
      plugin:
        jwt:
          jwksUrl: https://idcs.example/jwk
          audiences: [a]
          clientConfig: {tls: {ca: file:/etc/ca.pem}}
    token:
      plugin:
        oAuthClientCredentials:
          url: https://idcs.example/token
          clientID: env:ID
          clientSecret: urn:k8s:secret:creds:secret
          scopes: [s]
";

#[test]
fn what_is_in_order_is_passed_over_in_silence() {
    assert_findings(&[GOOD], &[]);
}

#[test]
fn every_mistake_is_told_with_its_place_and_the_nearest_option() {
    let wrong = "\
http:
  middlewares:
    jwt:
      plugin:
        jwt:
          jwksUrl: https://idcs.example/jwk
          audience: a
          leewaySeconds: -1
          algorithms: [RS256, none]
          clientConfig:
            timeout: 5
          claims: Equals(`a`)
    token:
      plugin:
        oAuthClientCredentials:
          url: https://idcs.example/token
          clientID: urn:k8s:creds:creds:id
    rewrite:
      plugin:
        pathRewrite:
          regex: '['
          replacement: /x
    all:
      plugin:
        gateway:
          jwt: {jwksURL: x}
    misspelt:
      plugin:
        Jwt: {}
    other:
      plugin: {somebodyElses: {x: 1}}
";
    assert_findings(
        &[wrong],
        &[
            "0.yml:7:11: error: audience: is no option…did you mean `audiences`?…docs/options.md#jwt",
            "0.yml:8:11: error: leewaySeconds:",
            "0.yml:9:31: error: algorithms[1]: is no algorithm",
            "0.yml:11:13: error: clientConfig.timeout: is no option…`timeoutSeconds`",
            "0.yml:12:11: error: claims: cannot be read: Equals takes a key and a value",
            "0.yml:16:11: error: clientSecret: is required…#oauthclientcredentials",
            "0.yml:17:11: error: clientID: is a Kubernetes secret reference",
            "0.yml:21:11: error: regex:",
            "0.yml:26:17: error: jwt.jwksURL: is no option…`jwksUrl`",
            "0.yml:29:9: error: Jwt is no plugin of ours; did you mean `jwt`?",
        ],
    );
}

#[test]
fn every_mistake_in_a_table_of_rules_is_told_where_it_stands() {
    let rules = "\
http:
  middlewares:
    teams:
      plugin:
        jwt:
          jwksUrl: https://idcs.example/jwk
          jwksAuth:
            url: idcs.example/token
            clientID: env:ID
            clientSecret: env:SECRET
          onDeny: 400
          authorize:
            - path: /hr/{id}
              anyScope: [hr]
            - path: /it/**
              methods: [get]
              anyScope: [it]
";
    assert_findings(
        &[rules],
        &[
            "0.yml:8:13: error: jwksAuth.url: must be an absolute URL",
            "0.yml:11:11: error: onDeny: must be 401, 403 or 404",
            "0.yml:13:15: error: authorize[0].path: has braces…write * for one segment",
            "0.yml:16:25: error: authorize[1].methods[0]: is no method",
        ],
    );
    let hidden = rules
        .replace("/hr/{id}", "/**")
        .replace("[get]", "[GET]")
        .replace("400", "404");
    assert_findings(
        &[&hidden],
        &[
            "0.yml:8:13: error: jwksAuth.url:",
            "0.yml:15:15: error: authorize[1]: is never asked: authorize[0] comes first",
        ],
    );
}

#[test]
fn kubernetes_objects_are_read_across_files() {
    let middleware = "\
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: jwt, namespace: apps}
spec:
  plugin:
    jwt:
      jwksUrl: https://idcs.example/jwk
      issuer: x
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: token, namespace: apps}
spec: {plugin: {oAuthClientCredentials: {url: 'https://i/t', clientID: a, clientSecret: b}}}
";
    let routes = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: echo, namespace: apps}
spec:
  routes:
    - match: PathPrefix(`/echo`)
      middlewares: [{name: jwt}, {name: token}, {name: missing}, {name: there, namespace: other}]
      services: [{name: oic, port: 443}]
    - match: PathPrefix(`/`)
      services: [{name: oic, port: 443}]
";
    assert_findings(
        &[middleware, routes],
        &[
            "0.yml:8:7: error: issuer: is no option…`issuers`",
            "1.yml:7:49: warning: apps/missing is defined in none of these files",
            "1.yml:7:66: warning: other/there is defined in none",
            "1.yml:9:7: warning: router apps/echo leads to the same backend as apps/echo without jwt",
        ],
    );
}

#[test]
fn chains_that_lend_the_gateways_rights_are_told() {
    let chains = |list: &str| GOOD.replace("[jwt, token]", list);
    assert_findings(
        &[&chains("[token, jwt]")],
        &["0.yml:3:53: warning: token comes before jwt, which then sees"],
    );
    assert_findings(
        &[&chains("[token]")],
        &["0.yml:3:53: warning: token stands without jwt"],
    );
    assert_findings(&[&chains("[jwt@file, token]")], &[]);
}

#[test]
fn whatever_asks_callers_for_credentials_guards_and_what_lets_all_in_lends() {
    let router = |middlewares: &str, options: &str| {
        format!(
            "http:\n  routers:\n    echo: {{rule: Path(`/`), middlewares: [{middlewares}], service: oic}}\n  \
             middlewares:\n    one: {{plugin: {options}}}\n    own:\n      plugin: {{oAuthClientCredentials: {{url: \
             'https://i/t', clientID: a, clientSecret: b}}}}\n"
        )
    };
    for options in [
        "{oAuthIntrospection: {clientConfig: {url: 'https://i/i'}}}",
        "{oAuthClientCredentials: {url: 'https://i/t', scopes: [s]}}",
        "{basicCredentials: {username: a, password: env:B, apiKeys: [{name: c, key: env:D}]}}",
        "{basicCredentials: {onCallerCredentials: passThrough}}",
    ] {
        assert_findings(&[&router("one, own", options)], &[]);
        assert_findings(&[&router("one", options)], &[]);
    }
    let open = "{basicCredentials: {username: a, password: env:B, allowAnonymous: true}}";
    assert_findings(
        &[&router("one", open)],
        &["0.yml:3:43: warning: one stands without jwt"],
    );
    let wrong = "{basicCredentials: {onCallerCredentials: pass}}";
    assert_findings(
        &[&router("one", wrong)],
        &["0.yml:5:…error: onCallerCredentials: must be refuse…docs/options.md#basiccredentials"],
    );
}

#[test]
fn traefiks_own_file_is_looked_at_too() {
    let text = "\
experimental:
  localPlugins:
    jwt:
      moduleName: oic-gateway/jwt
    rewriting:
      moduleName: oic-gateway/path-rewrite
";
    assert_findings(
        &[text],
        &[
            "0.yml:2:3: warning: experimental.abortOnPluginFailure is not true",
            "0.yml:3:5: error: jwt has no settings.mounts",
        ],
    );
    let others = "experimental: {localPlugins: {x: {moduleName: somebody/else}}}";
    assert_findings(&[others, "{", "# nothing"], &["1.yml:1…error: no YAML"]);
}

#[test]
fn the_examples_pass() {
    let examples = crate::tools::workspace_root().join("examples");
    for files in [
        &["oic-gateway-file/traefik.yml", "oic-gateway-file/dynamic.yml"] as &[&str],
        &[
            "oic-gateway-kubernetes/manifests/jwt.yml",
            "oic-gateway-kubernetes/manifests/oauth.yml",
            "oic-gateway-kubernetes/manifests/virtual-endpoint.yml",
            "oic-gateway-kubernetes/manifests/ingress-route.yml",
            "oic-gateway-kubernetes/manifests/secret.yml",
            "oic-gateway-kubernetes/manifests/service.yml",
        ],
        &["oic-gateway-kubernetes/with-path-rewrite/virtual-endpoint.yml"],
        &["observability/traefik.yml", "observability/dynamic.yml"],
        &["oic-gateway-file/traefik.yml", "static-keys/dynamic.yml"],
        &["oic-gateway-file/traefik.yml", "team-access/dynamic.yml"],
        &["oic-gateway-file/traefik.yml", "browser-clients/dynamic.yml"],
        &["oic-gateway-file/traefik.yml", "caller-identity/dynamic.yml"],
        &["opaque-tokens/traefik.yml", "opaque-tokens/dynamic.yml"],
        &["private-jwks/traefik.yml", "private-jwks/dynamic.yml"],
        &["several-replicas/traefik.yml", "several-replicas/dynamic.yml"],
        &["user-context/traefik.yml", "user-context/dynamic.yml"],
        &["basic-credentials/traefik.yml", "basic-credentials/dynamic.yml"],
        &[
            "clients-without-scope/traefik.yml",
            "clients-without-scope/dynamic.yml",
        ],
        &["identity-bridge/traefik.yml", "identity-bridge/dynamic.yml"],
        &[
            "client-authentication/traefik.yml",
            "client-authentication/dynamic.yml",
        ],
        &["token-exchange/traefik.yml", "token-exchange/dynamic.yml"],
    ] {
        let paths: Vec<PathBuf> = files.iter().map(|file| examples.join(file)).collect();
        let findings = check(&paths).unwrap();
        assert_eq!(findings, [], "{files:?}");
    }
}

#[test]
fn keys_that_only_traefiks_machine_has_are_taken_for_some() {
    let text = "\
http:
  middlewares:
    by-key:
      plugin:
        oAuthClientCredentials:
          url: https://idcs.example/token
          clientID: env:ID
          tokenEndpointAuthMethod: private_key_jwt
          clientAssertion: {key: file:/run/key.pem, certificate: file:/run/cert.pem, keyId: a, algorithm: RS256}
    by-certificate:
      plugin:
        oAuthClientCredentials:
          url: https://idcs.example/token
          clientID: env:ID
          tokenEndpointAuthMethod: tls_client_auth
          clientConfig: {tls: {cert: file:/run/cert.pem, key: env:KEY}}
    bridge:
      plugin:
        oAuthTokenExchange:
          method: jwtBearer
          jwt: {jwksUrl: https://entra.example/keys}
          url: https://idcs.example/token
          clientID: env:ID
          clientSecret: env:SECRET
          jwtBearer: {subjectClaim: upn, assertion: {key: file:/run/key.pem, keyId: a}}
    wrong:
      plugin:
        oAuthTokenExchange:
          method: rfc8693
          url: https://idcs.example/token
          clientID: env:ID
          tokenEndpointAuthMethod: private_key_jwt
          clientAssertion: {key: env:KEY, algorithm: HS256}
          jwt: {jwksUrl: https://entra.example/keys, audience: a}
";
    assert_findings(
        &[text],
        &[
            "0.yml:33:43: error: clientAssertion.algorithm: does not fit the key…#oauthtokenexchange",
            "0.yml:34:54: error: jwt.audience: is no option…`audiences`",
        ],
    );
}
