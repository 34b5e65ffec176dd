//! Tests files with mistakes, and the findings for them.

use super::*;
use finding::Severity;

/// What is missing in most texts of these tests, because each of them is about something else. Tests of these findings
/// use [`check_whole`].
const PARTS: [&str; 3] = [
    ": warning: the service ",
    "no router uses the middleware",
    "jwt accepts every token of the issuer",
];

/// Checks these texts as parts of a configuration. A finding is `file:line:column severity: message`.
fn check_texts(texts: &[&str]) -> Vec<String> {
    without_parts(check_whole(texts))
}

fn check_files(files: &[(&str, &[u8])]) -> Vec<String> {
    without_parts(check_whole_files(files))
}

fn without_parts(mut found: Vec<String>) -> Vec<String> {
    found.retain(|finding| !PARTS.iter().any(|part| finding.contains(part)));
    found
}

/// Checks these texts as a whole configuration.
fn check_whole(texts: &[&str]) -> Vec<String> {
    let named: Vec<(String, &[u8])> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| (format!("{index}.yml"), text.as_bytes()))
        .collect();
    let named: Vec<(&str, &[u8])> = named.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    check_whole_files(&named)
}

fn check_whole_files(files: &[(&str, &[u8])]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = files
        .iter()
        .map(|(name, bytes)| {
            let file = folder.path().join(name);
            std::fs::write(&file, bytes).unwrap();
            file
        })
        .collect();
    let shown = |finding: Finding| {
        finding
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    };
    check(&files).into_iter().map(shown).collect()
}

/// Compares all findings except notes.
#[track_caller]
fn assert_findings(texts: &[&str], expected: &[&str]) {
    let found = check_texts(texts).into_iter();
    assert_found(found.filter(|it| !it.contains(" note: ")).collect(), expected);
}

#[track_caller]
fn assert_found(found: Vec<String>, expected: &[&str]) {
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
            "0.yml:7:11: error: audience is not an option…did you mean `audiences`?…docs/options.md#jwt",
            "0.yml:8:11: error: leewaySeconds: invalid value",
            "0.yml:9:31: error: algorithms[1] is not a known algorithm",
            "0.yml:11:13: error: clientConfig.timeout is not an option…`timeoutSeconds`",
            "0.yml:12:11: error: claims cannot be read: Equals takes a key and a value",
            "0.yml:16:11: error: clientSecret is required…#oauthclientcredentials",
            "0.yml:17:11: error: clientID is a Kubernetes secret reference",
            "0.yml:21:11: error: regex is",
            "0.yml:26:17: error: jwt.jwksURL is not an option…`jwksUrl`…docs/options.md#jwt]",
            "0.yml:29:9: error: Jwt is not a plugin of ours; did you mean `jwt`?",
        ],
    );
}

#[test]
fn a_mistake_in_a_block_of_gateway_names_the_section_of_the_block() {
    for (options, section) in [
        (
            "jwt: {jwksUrl: 'https://i/k', audience: a}",
            "jwt.audience …#jwt]",
        ),
        (
            "oAuthClientCredentials: {url: 'https://i/t', scope: s}",
            "oAuthClientCredentials.scope …#oauthclientcredentials]",
        ),
        (
            "pathRewrite: {regex: '[', replacement: /x}",
            "pathRewrite.regex …#pathrewrite]",
        ),
        (
            "jwtt: {}, pathRewrite: {regex: a, replacement: /x}",
            "jwtt …#gateway]",
        ),
    ] {
        let text = format!("http: {{middlewares: {{m: {{plugin: {{gateway: {{{options}}}}}}}}}}}");
        assert_found(check_texts(&[&text]), &[section]);
    }
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
            "0.yml:8:13: error: jwksAuth.url must be an absolute URL",
            "0.yml:11:11: error: onDeny must be 401, 403 or 404",
            "0.yml:13:15: error: authorize[0].path has braces…write * for one segment",
            "0.yml:16:25: error: authorize[1].methods[0] is…method",
        ],
    );
    let hidden = rules
        .replace("/hr/{id}", "/**")
        .replace("[get]", "[GET]")
        .replace("400", "404");
    assert_findings(
        &[&hidden],
        &[
            "0.yml:8:13: error: jwksAuth.url must",
            "0.yml:15:15: error: authorize[1] is never asked: authorize[0] comes first",
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
            "0.yml:8:7: error: issuer is not an option…`issuers`",
            "1.yml:7:49: warning: apps/missing is defined in none of these files",
            "1.yml:7:66: warning: other/there is defined in none",
            "1.yml:9:7: warning: router apps/echo (PathPrefix(`/`)) leads to the same backend as apps/echo (PathPrefix(`/echo`)) without jwt",
        ],
    );
}

#[test]
fn chains_that_lend_the_gateways_rights_are_told() {
    let chains = |list: &str| GOOD.replace("[jwt, token]", list);
    assert_findings(
        &[&chains("[token, jwt]")],
        &["0.yml:3:53: warning: token comes before jwt: jwt then sees"],
    );
    assert_findings(
        &[&chains("[token]")],
        &["0.yml:3:53: warning: token is used without jwt"],
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
        &["0.yml:3:43: warning: one is used without jwt"],
    );
    let wrong = "{basicCredentials: {onCallerCredentials: pass}}";
    assert_findings(
        &[&router("one", wrong)],
        &["0.yml:5:…error: onCallerCredentials must be refuse…docs/options.md#basiccredentials"],
    );
}

#[test]
fn a_middleware_that_no_router_uses_protects_nothing() {
    let file = |router: &str, more: &str| {
        format!(
            "http:\n  middlewares:\n    oic: {{plugin: {{jwt: {{jwksUrl: 'https://i/k', audiences: a}}}}}}\n{more}  \
             routers:\n    r: {{rule: Path(`/`), {router}service: s}}\n  services:\n    s: {{loadBalancer: {{servers: \
             [{{url: 'http://a'}}]}}}}\n"
        )
    };
    let chain = "    all: {chain: {middlewares: [oic]}}\n";
    let unused = ["0.yml:3:5: warning: no router uses the middleware oic…requests pass without it"];
    assert_found(check_whole(&[&file("", "")]), &unused);
    assert_found(check_whole(&[&file("middlewares: [oic], ", "")]), &[]);
    // A chain counts only if a router uses it.
    assert_found(check_whole(&[&file("", chain)]), &unused);
    assert_found(check_whole(&[&file("middlewares: all, ", chain)]), &[]);
    for name in ["oic", "oic@file"] {
        let entry_point =
            format!("entryPoints: {{web: {{address: ':80', http: {{middlewares: [{name}]}}}}}}\n");
        assert_found(check_whole(&[&file("", ""), &entry_point]), &[]);
    }
    // Middlewares alone are part of a configuration.
    let alone = "http: {middlewares: {oic: {plugin: {jwt: {jwksUrl: 'https://i/k', audiences: a}}}}}";
    assert_found(check_whole(&[alone]), &[]);

    let object = "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: oic, namespace: apps}\nspec: {plugin: \
                  {jwt: {jwksUrl: 'https://i/k', audiences: a}}}\n";
    let route = |middlewares: &str| {
        format!(
            "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {{name: r, namespace: apps}}\nspec: {{routes: \
             [{{match: a, {middlewares}services: [{{name: s, port: 80}}]}}]}}\n"
        )
    };
    assert_found(
        check_whole(&[object, &route("")]),
        &["0.yml:1:1: warning: no router uses the middleware apps/oic"],
    );
    assert_found(
        check_whole(&[object, &route("middlewares: [{name: oic}], ")]),
        &[],
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
            "0.yml:3:5: warning: jwt has no settings.mounts: no middleware in these files uses the plugin",
        ],
    );
    let others = "experimental: {localPlugins: {x: {moduleName: somebody/else}}}";
    assert_findings(&[others, "{", "# nothing"], &["1.yml:1…error: not valid YAML"]);
}

#[test]
fn a_plugin_needs_the_mounts_that_its_middlewares_use() {
    let with = |mounts: &str, options: &str| {
        let registered = format!(
            "experimental:\n  abortOnPluginFailure: true\n  localPlugins:\n    g: {{moduleName: oic-gateway/gateway, \
             settings: {{envs: [A], mounts: [{mounts}]}}}}\n"
        );
        let dynamic = format!("http: {{middlewares: {{m: {{plugin: {{g: {options}}}}}}}}}\n");
        let found = check_texts(&[&registered, &dynamic]).into_iter();
        found.filter(|it| !it.contains(" note: ")).collect::<Vec<_>>()
    };
    let fetched = "{jwt: {jwksUrl: 'https://i/k', audiences: a}}";
    let fixed = "{jwt: {signingSecret: env:A, audiences: a}, pathRewrite: {regex: ^/a, replacement: /b}}";
    let token = "{jwt: {signingSecret: env:A, audiences: a}, oAuthClientCredentials: {url: 'https://i/t', clientID: env:A, \
                 clientSecret: env:A, scopes: [s]}}";
    let file = "{jwt: {publicKey: 'file:/etc/key.pem', audiences: a}}";
    let missing = ["0.yml:4:5: error: g has no settings.mounts: the plugin needs a state directory"];
    assert_found(with("", fixed), &[]);
    assert_found(with("", fetched), &missing);
    assert_found(with("", token), &missing);
    assert_found(
        with("", file),
        &["0.yml:4:5: error: g has no settings.mounts: the plugin reads /etc/key.pem"],
    );
    let read_only = ["0.yml:4:5: warning: every mount of g is read-only"];
    assert_found(with("'/a:/a:ro'", fetched), &read_only);
    assert_found(with("'/a:/a:ro'", file), &[]);
    assert_found(with("'/a:/a:ro', /b", token), &[]);
}

#[test]
fn variables_must_be_among_those_that_traefik_gives_the_plugin() {
    let registered = |settings: &str| {
        format!(
            "experimental:\n  abortOnPluginFailure: true\n  localPlugins:\n    t: {{moduleName: \
             oic-gateway/oauth-client-credentials, settings: {{mounts: [/]{settings}}}}}\n"
        )
    };
    let dynamic = "\
http:
  middlewares:
    m:
      plugin:
        t:
          url: https://i/t
          clientID: env:ID
          clientSecret: env:SECRET
          scopes: [s]
";
    let found = |settings: &str| check_texts(&[&registered(settings), dynamic]);
    let secret = "1.yml:8:25: error: clientSecret: the plugin does not see the variable SECRET: list it under \
                  experimental.localPlugins.t.settings.envs";
    assert_found(found(", envs: [ID, SECRET]"), &[]);
    assert_found(found(", envs: [ID]"), &[secret]);
    assert_found(found(""), &["1.yml:7:21: error: clientID: …variable ID", secret]);
    // Without the registration, the list is not known.
    assert_found(
        check_texts(&[&dynamic.replace(" t:", " oAuthClientCredentials:")]),
        &[],
    );
}

#[test]
fn a_jwt_without_rules_accepts_tokens_for_other_applications() {
    let found = |options: &str| {
        let jwt = format!("{{jwksUrl: 'https://i/k'{options}}}");
        let file = format!(
            "http:\n  middlewares:\n    one: {{plugin: {{jwt: {jwt}}}}}\n    all: {{plugin: {{gateway: {{jwt: {jwt}}}}}}}\n"
        );
        check_whole(&[&file])
    };
    let warning =
        |column: &str| format!("0.yml:{column}: warning: jwt accepts every token…docs/options.md#jwt");
    let (one, all) = (warning("3:20"), warning("4:30"));
    assert_found(found(""), &[&one, &all]);
    for rule in [
        "audiences: a",
        "tenant: t",
        "issuers: ['https://i/']",
        "requiredScopes: s",
        "claims: 'Equals(`a`, `b`)'",
        "verifyClaims: [{key: a}]",
        "authorize: [{path: /hr, anyScope: a}]",
    ] {
        assert_found(found(&format!(", {rule}")), &[]);
    }
    let trusted = |entry: &str| {
        check_whole(&[&format!(
            "http: {{middlewares: {{m: {{plugin: {{jwt: {{trustedIssuers: [{{jwksUrl: 'https://i/k'{entry}}}]}}}}}}}}}}"
        )])
    };
    assert_found(trusted(", issuer: 'https://i/'"), &[]);
    assert_found(trusted(""), &["warning: jwt accepts every token"]);
}

#[test]
fn services_and_entry_points_of_routers_must_be_defined() {
    let entry_points = "entryPoints: {web: {address: ':80'}}\n";
    let router = |settings: &str| {
        format!(
            "http:\n  routers:\n    r: {{rule: Path(`/`), {settings}}}\n  services:\n    s: {{loadBalancer: {{servers: \
             [{{url: 'http://a'}}]}}}}\ntcp:\n  routers:\n    t: {{rule: HostSNI(`*`), service: u}}\n  services:\n    u: \
             {{loadBalancer: {{servers: [{{address: 'a:1'}}]}}}}\n"
        )
    };
    let found = |settings: &str| check_whole(&[entry_points, &router(settings)]);
    for good in [
        "service: s",
        "service: s@file, entryPoints: [web]",
        "service: other@docker",
        "service: api@internal",
    ] {
        assert_found(found(good), &[]);
    }
    assert_found(
        found("service: u"),
        &["1.yml:3:5: warning: the service u of router r is defined in none of these files"],
    );
    assert_found(
        found("service: s, entryPoints: [web, websecure]"),
        &["1.yml:3:5: warning: the entry point websecure of router r is not in the static configuration"],
    );
    // Without a static configuration the entry points are not known. The values of a chart do not name them all.
    let elsewhere = router("service: s, entryPoints: [websecure]");
    assert_found(check_whole(&[&elsewhere]), &[]);
    let values = "ports: {web: {asDefault: true}}\nextraObjects: []\n";
    assert_found(check_whole(&[values, &elsewhere]), &[]);
}

#[test]
fn placeholders_outside_of_options_are_told_as_well() {
    let file = "\
http:
  routers:
    r: {rule: Host(`YOUR_HOST`), service: s}
    fine: {rule: 'PathRegexp(`^/{a}(?<b>.*)`)', service: s}
  services:
    s: {loadBalancer: {servers: [{url: 'https://<your-instance>.example'}]}}
";
    let objects = "\
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: ExternalName, externalName: YOUR_INSTANCE.example}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: r}
spec: {routes: [{match: 'Host(`${HOST}`)', services: [{name: s, port: 443}]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  id: YOUR_CLIENT_ID
  secret: <secret>
  fine: a<b>c
data:
  encoded: WU9VUl9TRUNSRVQ=
  fine: c2VjcmV0
";
    let secret =
        |name: &str| format!("warning: {name}: the value looks like a placeholder that was not filled in");
    assert_found(
        check_whole(&[file, objects]),
        &[
            "0.yml:3:15: warning: rule: YOUR_HOST looks like a placeholder",
            "0.yml:6:40: warning: url: <your-instance> looks like a placeholder",
            "1.yml:4:42: warning: externalName: YOUR_INSTANCE looks like a placeholder",
            "1.yml:9:25: warning: match: ${HOST} looks like a placeholder",
            &secret("stringData.id"),
            &secret("stringData.secret"),
            &secret("data.encoded"),
        ],
    );
}

#[test]
fn a_secret_among_the_files_must_have_the_key() {
    let middleware = "\
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: token, namespace: apps}
spec:
  plugin:
    oAuthClientCredentials:
      url: https://i/t
      clientID: urn:k8s:secret:oic:id
      clientSecret: urn:k8s:secret:oic:secret
";
    let secret = |namespace: &str, keys: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: oic, namespace: {namespace}}}\ndata: {{id: YQ==}}\nstringData: \
             {{{keys}}}\n"
        )
    };
    assert_found(check_whole(&[middleware, &secret("apps", "secret: x")]), &[]);
    assert_found(
        check_whole(&[middleware, &secret("apps", "clientSecret: x")]),
        &["0.yml:9:21: error: clientSecret: the Secret apps/oic has no key secret"],
    );
    // This is another Secret.
    assert_found(check_whole(&[middleware, &secret("other", "x: x")]), &[]);
}

#[test]
fn the_files_of_the_quick_start_pass() {
    let page = include_str!("../../../../docs/quick-start.md");
    let file = |name: &str| {
        let (_, rest) = page.split_once(&format!("cat > {name} <<'END'\n")).unwrap();
        rest.split_once("\nEND\n").unwrap().0
    };
    assert_found(check_whole(&[file("traefik.yml"), file("dynamic.yml")]), &[]);
}

#[test]
fn the_examples_pass() {
    let examples = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"));
    for files in [
        &["oic-gateway-file/traefik.yml", "oic-gateway-file/dynamic.yml"] as &[&str],
        &[
            "oic-gateway-kubernetes/values.yml",
            "oic-gateway-kubernetes/manifests/jwt.yml",
            "oic-gateway-kubernetes/manifests/oauth.yml",
            "oic-gateway-kubernetes/manifests/virtual-endpoint.yml",
            "oic-gateway-kubernetes/manifests/ingress-route.yml",
            "oic-gateway-kubernetes/manifests/secret.yml",
            "oic-gateway-kubernetes/manifests/service.yml",
        ],
        &["oic-gateway-kubernetes/with-path-rewrite/virtual-endpoint.yml"],
        &["docker-compose/compose.yml", "oic-gateway-file/dynamic.yml"],
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
        let findings = check(&paths).into_iter().filter(|it| {
            // Ignore placeholders for the reader to fill in, and directories of the reader's machine. One example has a
            // `jwt` without rules, and its README says so.
            let is_known = it.message.contains("looks like a placeholder")
                || (it.message.contains("jwt accepts every token") && it.file.ends_with("manifests/jwt.yml"));
            it.severity != Severity::Note && !is_known
        });
        assert_eq!(findings.collect::<Vec<_>>(), [], "{files:?}");
    }
}

#[test]
fn placeholders_are_warned_of_and_two_of_them_stay_two_values() {
    let issuer =
        |name: &str| format!("{{issuer: 'https://{name}.example/', jwksUrl: 'https://{name}.example/keys'}}");
    let issuers = format!("[{}, {}]", issuer("YOUR_DOMAIN"), issuer("YOUR_OTHER_DOMAIN"));
    let file = format!(
        "http:\n  middlewares:\n    jwt:\n      plugin:\n        jwt: {{trustedIssuers: {issuers}}}\n"
    );
    let warning = "0.yml:…: warning: …YOUR_…looks like a placeholder";
    assert_findings(&[&file], &[warning; 4]);
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
          jwt: {jwksUrl: https://entra.example/keys, issuers: [https://entra.example/]}
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
            "0.yml:33:43: error: clientAssertion.algorithm does not fit the key…#oauthtokenexchange",
            "0.yml:34:54: error: jwt.audience is not an option…`audiences`",
        ],
    );
}

/// A router `echo` with these settings and a guarded router `safe` to the same backend.
fn beside_a_safe_router(echo: &str, middlewares: &str) -> String {
    format!(
        "http:\n  routers:\n    echo: {echo}\n    safe: {{rule: Path(`/safe`), middlewares: [j], service: oic}}\n  \
         services:\n    oic: {{loadBalancer: {{servers: [{{url: 'https://oic.example'}}]}}}}\n    same: {{loadBalancer: \
         {{servers: [{{url: 'https://OIC.example:443/'}}]}}}}\n    half: {{weighted: {{services: [{{name: same, weight: \
         1}}]}}}}\n  middlewares:\n    j: {{plugin: {{jwt: {{jwksUrl: 'https://i/k'}}}}}}\n    t: {{plugin: \
         {{oAuthClientCredentials: {{url: 'https://i/t', clientID: a, clientSecret: b}}}}}}\n{middlewares}"
    )
}

#[test]
fn a_router_is_judged_by_what_traefik_reads_of_it() {
    let chains = "    good: {chain: {middlewares: [j, t]}}\n    bad: {CHAIN: {Middlewares: 't, j'}}\n    nested: {chain: \
                  {middlewares: [good]}}\n    circle: {chain: {middlewares: [circle]}}\n    empty: {}\n    both: {chain: \
                  {middlewares: [j]}, compress: {}}\n";
    let also = |findings: &[&'static str]| -> Vec<&'static str> {
        // The definitions above are part of every case.
        findings
            .iter()
            .copied()
            .chain([
                "middleware both is of several kinds",
                "middleware empty has nothing",
            ])
            .collect()
    };
    for (echo, expected) in [
        ("{rule: a, middlewares: [j, t], service: oic}", vec![]),
        ("{rule: a, middlewares: 'j,t', service: oic}", vec![]),
        ("{rule: a, middlewares: good, service: oic}", vec![]),
        ("{rule: a, middlewares: [nested@file], service: oic}", vec![]),
        (
            "{rule: a, middlewares: 't,j', service: oic}",
            vec!["t comes before jwt"],
        ),
        (
            "{rule: a, Middlewares: 't,j', service: oic}",
            vec!["t comes before jwt"],
        ),
        (
            "{rule: a, middlewares: [bad], service: oic}",
            vec!["t (of the chain bad, on router echo) comes before jwt"],
        ),
        ("{rule: a, service: oic}", vec!["echo leads to the same backend"]),
        ("{rule: a, service: same}", vec!["echo leads to the same backend"]),
        ("{rule: a, service: half}", vec!["echo leads to the same backend"]),
        (
            "{rule: a, service: oic@file}",
            vec!["echo leads to the same backend"],
        ),
        (
            "{rule: a, middlewares: {j: x}, service: oic}",
            vec!["echo leads to the same backend"],
        ),
        ("{rule: a, service: noop@internal}", vec![]),
        (
            "{rule: a, middlewares: [circle, j], service: oic}",
            vec!["the chain circle contains itself"],
        ),
    ] {
        let text = beside_a_safe_router(echo, chains);
        let found = check_texts(&[&text]);
        let expected = also(&expected);
        let all = expected
            .iter()
            .all(|message| found.iter().any(|it| it.contains(message)));
        assert!(
            all && found.len() == expected.len(),
            "{echo}: {found:#?} {expected:#?}"
        );
    }
}

#[test]
fn a_tcp_router_goes_around_every_guard() {
    let text = beside_a_safe_router("{rule: a, middlewares: [j], service: oic}", "")
        + "tcp:\n  routers:\n    all: {rule: HostSNI(`*`), service: raw}\n  services:\n    raw: {loadBalancer: {servers: \
           [{address: 'oic.example:443'}]}}\n";
    assert_findings(&[&text], &["warning: router all (TCP) leads to the same backend"]);
}

/// A guarded router for `/orders`, a router `open` with these settings, and another backend for it.
fn beside_guarded_orders(open: &str) -> String {
    format!(
        "http:\n  routers:\n    orders: {{rule: Host(`a.example`) && PathPrefix(`/orders`), entryPoints: [web], middlewares: \
         [j], service: oic}}\n    open: {{{open}}}\n  services:\n    oic: {{loadBalancer: {{servers: [{{url: \
         'https://oic.example'}}]}}}}\n    pages: {{loadBalancer: {{servers: [{{url: 'https://pages.example'}}]}}}}\n    \
         port: {{loadBalancer: {{servers: [{{url: 'https://oic.example:8443'}}]}}}}\n  middlewares:\n    j: {{plugin: \
         {{jwt: {{jwksUrl: 'https://i/k'}}}}}}\n    login: {{basicAuth: {{users: [a]}}}}\n    zip: {{compress: {{}}}}\n"
    )
}

#[test]
fn an_open_router_with_a_broader_rule_takes_what_another_guards() {
    const WARNING: &str = "warning: router open has no jwt, and its rule also fits the requests of orders: it takes them if \
                           Traefik drops orders, and passes them unchecked to another port of the same machine";
    const NOTE: &str = "note: router open has no jwt, and its rule also fits the requests of orders: it takes them if \
                        Traefik drops orders. If its backend is not open to everybody, add jwt to open";
    for (open, expected) in [
        ("rule: PathPrefix(`/`), service: port", WARNING),
        (
            "rule: Host(`a.example`), middlewares: [zip], service: port",
            WARNING,
        ),
        ("rule: Host(`a.example`), service: pages", NOTE),
        (
            "rule: Host(`a.example`) && PathPrefix(`/`), entryPoints: [other, web], service: pages",
            NOTE,
        ),
    ] {
        let found = check_texts(&[&beside_guarded_orders(open)]);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{open}: {found:#?}"
        );
        assert!(found[0].starts_with("0.yml:4:5: "), "{open}: {found:#?}");
    }
    for open in [
        "rule: PathPrefix(`/`), middlewares: [j], service: port",
        "rule: PathPrefix(`/`), middlewares: [login], service: port",
        "rule: PathPrefix(`/`), middlewares: [unknown@docker], service: port",
        "rule: PathPrefix(`/`), entryPoints: [other], service: port",
        "rule: PathPrefix(`/`), service: noop@internal",
        "rule: PathPrefix(`/stock`), service: port",
        "rule: Host(`b.example`), service: port",
        "rule: Host(`a.example`) && Path(`/orders/health`), service: port",
        "rule: PathRegexp(`.*`), service: port",
    ] {
        let found = check_texts(&[&beside_guarded_orders(open)]);
        let found: Vec<&String> = found.iter().filter(|it| it.contains("router open")).collect();
        assert!(found.is_empty(), "{open}: {found:#?}");
    }
}

#[test]
fn rules_of_ingress_routes_are_compared_too() {
    let route = |rule: &str, middlewares: &str, service: &str| {
        format!(
            "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {{name: {service}, namespace: apps}}\nspec:\n  \
             routes:\n    - {{match: '{rule}', kind: Rule{middlewares}, services: [{{name: {service}, port: 80}}]}}\n"
        )
    };
    let guard = ", middlewares: [{name: j}]";
    let text = "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: j, namespace: apps}\nspec: {plugin: \
                {jwt: {jwksUrl: 'https://i/k'}}}\n"
        .to_owned()
        + &route("PathPrefix(`/orders`)", guard, "orders")
        + &route("PathPrefix(`/`)", "", "pages");
    let found = check_texts(&[&text]);
    assert!(
        found.len() == 1 && found[0].contains("note: router apps/pages (PathPrefix(`/`)) has no jwt"),
        "{found:#?}"
    );
}

#[test]
fn keys_of_elliptic_curves_are_read_and_checked() {
    let jwks = |curve: &str, x: &str, y: &str| {
        format!(
            "http: {{middlewares: {{j: {{plugin: {{jwt: {{jwksFile: '{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"{curve}\",\"x\":\"{x}\",\"y\":\"{y}\"}}]}}', \
             audiences: a}}}}}}}}}}\n"
        )
    };
    // The key of RFC 7515 appendix A.3, and the base point of P-384.
    let p256 = [
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ];
    let p384 = [
        "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
    ];
    for (curve, [x, y]) in [("P-256", p256), ("P-384", p384)] {
        assert_findings(&[&jwks(curve, x, y)], &[]);
        let found = check_texts(&[&jwks(curve, y, x)]);
        let told = found
            .iter()
            .any(|it| it.contains("its point is not on the curve"));
        assert!(told, "{curve}: {found:#?}");
    }
}

#[test]
fn what_traefik_does_not_read_is_named() {
    let dynamic = beside_a_safe_router("{rule: a, middlewares: [j], service: oic}", "");
    let second =
        format!("http: {{routers: {{x: {{rule: a, middlewares: [j], service: b}}}}}}\n---\n{dynamic}");
    assert_findings(
        &[&second],
        &[
            "0.yml:1…j is defined in none",
            "0.yml:3:1: warning: is a second document",
        ],
    );
    let typo = dynamic.replace("middlewares: [j]", "middleware: [j]");
    assert_findings(
        &[&typo],
        &["0.yml:3…error: Traefik refuses the whole file…middleware is not a setting"],
    );
    let template = dynamic.clone() + "# {{ env `X` }}\n";
    assert_findings(&[&template], &["warning: this file is a Go template"]);
    let broken = "http:\n{{ range .x }}\n  a: }\n{{ end }}\n";
    assert_findings(
        &[broken],
        &["0.yml:2:1: error: this file is a Go template and not YAML"],
    );
    let variables =
        "services: {traefik: {image: traefik, environment: [TRAEFIK_EXPERIMENTAL_PLUGINS_A_MODULENAME=b]}}";
    assert_findings(
        &[variables],
        &["warning: arguments or environment variables configure Traefik"],
    );
    let arguments = "args: ['--entryPoints.web.http.middlewares=a@file']";
    assert_findings(
        &[arguments],
        &["warning: arguments or environment variables configure Traefik"],
    );
    let config_map =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {dynamic.yml: 'http: {}'}}";
    assert_findings(
        &[config_map],
        &["warning: dynamic.yml within this ConfigMap is not read"],
    );
    assert_found(check_texts(&["a: 1"]), &["note: has none of the settings"]);
    assert_found(
        check_files(&[("dynamic.json", dynamic.as_bytes())]),
        &["dynamic.json:1:1: error: Traefik's file provider reads only files that end in"],
    );
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = "http: {middlewares: {j: {plugin: {jwt: {jwksUrl: 'https://i/k', audience: a, tenant: t}}}}}";
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("a.yml"), wrong).unwrap();
    std::fs::write(file("b.yml"), b"http:\n  a: \xff\n").unwrap();
    std::fs::create_dir(file("c.yml")).unwrap();
    let paths: Vec<PathBuf> = ["a.yml", "b.yml", "c.yml", "missing.yml"].map(file).into();
    let found: Vec<String> = check(&paths).iter().map(Finding::to_string).collect();
    assert_found(
        found,
        &[
            "a.yml:1:65: error: audience",
            "b.yml:2:6: error: is not UTF-8",
            "c.yml:1:1: error: is a directory",
            "missing.yml:1:1: error: cannot be read",
        ],
    );
}

#[test]
fn the_order_of_a_rewrite_matters_where_rules_are_about_paths() {
    let rules = "    a: {plugin: {jwt: {jwksUrl: 'https://i/k', authorize: [{path: /hr/**, anyScope: hr}]}}}\n    r: \
                 {stripPrefix: {prefixes: [/api]}}\n";
    let router = |list: &str| {
        beside_a_safe_router(
            &format!("{{rule: x, middlewares: [{list}], service: oic}}"),
            rules,
        )
    };
    assert_findings(&[&router("a, r")], &[]);
    assert_findings(&[&router("r, j")], &[]);
    assert_findings(
        &[&router("r, a")],
        &["warning: a comes after r, which changes the path"],
    );
}

#[test]
fn entry_points_and_parents_bring_middlewares() {
    let with = |entry_points: &str, echo: &str| {
        let entry_points = format!("entryPoints: {{{entry_points}}}");
        let dynamic = beside_a_safe_router(echo, "    top: {compress: {}}\n");
        check_texts(&[&entry_points, &dynamic])
    };
    let guarded = "web: {address: ':80', HTTP: {middlewares: j@file}}";
    assert_found(with(guarded, "{rule: a, service: oic}"), &[]);
    assert_found(
        with(
            &format!("{guarded}, other: {{address: ':81'}}"),
            "{rule: a, service: oic}",
        ),
        &["router echo on entry point other leads to the same backend"],
    );
    assert_found(
        with(
            &format!("{guarded}, other: {{address: ':81'}}"),
            "{rule: a, entryPoints: web, service: oic}",
        ),
        &[],
    );
    assert_found(
        with(
            "web: {address: ':80', http: {middlewares: [t@file]}}",
            "{rule: a, middlewares: [j], service: oic}",
        ),
        &["t@file on entry point web comes before jwt"],
    );
    let parents =
        |list: &str| format!("{{rule: b, parentRefs: [safe{list}], middlewares: [t], service: same}}");
    assert_found(with("web: {address: ':80'}", &parents("")), &[]);
    assert_found(
        with("web: {address: ':80'}", &parents(", nobody")),
        &["the parent nobody@file of router echo is defined in none"],
    );
}

#[test]
fn kubernetes_routes_of_every_kind_are_judged() {
    let middlewares = "\
apiVersion: v1
kind: List
items:
  - apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: jwt, namespace: apps}
    spec: {plugin: {jwt: {jwksUrl: 'https://i/k'}}}
  - apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: token, namespace: apps}
    spec: {plugin: {oAuthClientCredentials: {url: 'https://i/t', clientID: a, clientSecret: b}}}
  - apiVersion: v1
    kind: Service
    metadata: {name: oic, namespace: apps}
    spec: {type: ExternalName, externalName: oic.example}
  - apiVersion: v1
    kind: Service
    metadata: {name: again, namespace: other}
    spec: {type: ExternalName, externalName: OIC.example}
";
    let safe = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: safe, namespace: apps}
spec: {routes: [{match: a, middlewares: [{name: jwt}], services: [{name: oic, port: 443}]}]}
";
    let ingress = |annotation: &str, namespace: &str, service: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\n  namespace: {namespace}\n  \
             annotations: {{traefik.ingress.kubernetes.io/router.middlewares: '{annotation}'}}\nspec: {{rules: [{{http: \
             {{paths: [{{path: /, backend: {{service: {{name: {service}}}}}}}]}}}}]}}\n"
        )
    };
    let gateway = |filters: &str| {
        let filters: Vec<String> = filters
            .split_whitespace()
            .map(|name| format!("{{type: ExtensionRef, extensionRef: {{group: traefik.io, kind: Middleware, name: {name}}}}}"))
            .collect();
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: h, namespace: apps}}\nspec: {{rules: \
             [{{filters: [{}], backendRefs: [{{name: oic, port: 443}}]}}]}}\n",
            filters.join(", ")
        )
    };
    let route = |routes: &str| {
        format!(
            "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {{name: r, namespace: apps}}\nspec: {{{routes}}}\n"
        )
    };
    let oic = "services: [{name: oic}]";
    for (object, expected) in [
        (
            ingress("apps-jwt@kubernetescrd,apps-token@kubernetescrd", "apps", "oic"),
            vec![],
        ),
        (
            ingress("apps-token@kubernetescrd, apps-jwt@kubernetescrd", "apps", "oic"),
            vec!["comes before jwt"],
        ),
        (
            ingress("", "apps", "oic"),
            vec!["apps/i (Ingress) leads to the same backend"],
        ),
        (
            ingress("", "other", "again"),
            vec!["other/i (Ingress) leads to the same backend"],
        ),
        (
            ingress("jwt", "apps", "oic"),
            vec![
                "does not name a middleware of Kubernetes",
                "apps/i (Ingress) leads to the same backend",
            ],
        ),
        (gateway("jwt token"), vec![]),
        (gateway("token jwt"), vec!["apps/token comes before jwt"]),
        (gateway(""), vec!["apps/h (HTTPRoute) leads to the same backend"]),
        (
            route(&format!(
                "routes: [{{match: b, middlewares: [{{name: apps-jwt@kubernetescrd}}], {oic}}}]"
            )),
            vec![],
        ),
        (
            route(&format!(
                "routes: [{{match: b, Middlewares: [{{name: jwt}}], {oic}}}]"
            )),
            vec![
                "Middlewares is not a setting that Kubernetes knows here",
                "leads to the same backend",
            ],
        ),
        (
            route(&format!("routes: [{{match: b, middlewares: jwt, {oic}}}]")),
            vec!["middlewares must be a list", "leads to the same backend"],
        ),
        (
            route(&format!(
                "parentRefs: [{{name: safe}}], routes: [{{match: b, middlewares: [{{name: token}}], {oic}}}]"
            )),
            vec![],
        ),
    ] {
        let found = check_texts(&[middlewares, safe, &object]);
        let all = expected
            .iter()
            .all(|message| found.iter().any(|it| it.contains(message)));
        assert!(
            all && found.len() == expected.len(),
            "{object}: {found:#?} {expected:#?}"
        );
    }
}

#[test]
fn plugins_are_known_by_their_modules() {
    let registered = |name: &str, module: &str| {
        format!(
            "experimental:\n  abortOnPluginFailure: true\n  localPlugins:\n    {name}: {{moduleName: {module}, settings: \
             {{mounts: [/]}}}}\n"
        )
    };
    let dynamic =
        |name: &str| format!("http: {{middlewares: {{m: {{plugin: {{{name}: {{jwksURL: x}}}}}}}}}}\n");
    assert_found(
        check_texts(&[&registered("ours", "oic-gateway/jwt"), &dynamic("ours")]),
        &["1.yml:1…error: jwksURL is"],
    );
    assert_found(
        check_texts(&[&registered("jwt", "somebody/else"), &dynamic("jwt")]),
        &["note: jwt is the plugin somebody/else, which is not ours"],
    );
    assert_findings(
        &[&registered("ours", "oic-gateway/jwt"), &dynamic("theirs")],
        &["warning: no plugin is registered under the name theirs"],
    );
    assert_found(
        check_texts(&[&dynamic("theirs")]),
        &["note: theirs is not a plugin of ours as far as these files say"],
    );
}

#[test]
fn values_are_judged_as_the_plugin_gets_them() {
    let file = |options: &str| {
        format!("http: {{middlewares: {{m: {{plugin: {{jwt: {{jwksUrl: 'https://i/k', {options}}}}}}}}}}}")
    };
    let object = |options: &str| {
        format!(
            "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {{name: m}}\nspec: {{plugin: {{jwt: {{jwksUrl: \
             'https://i/k', {options}}}}}}}"
        )
    };
    for (options, in_file, in_object) in [
        ("requireExp: false", true, true),
        // Traefik reads a text, kubectl a boolean.
        ("requireExp: no", false, true),
        ("audiences: [y]", true, false),
        ("audiences: [2024-01-01]", false, true),
        ("audiences: [a, 1]", true, false),
        ("audiences: a", true, true),
        ("leewaySeconds: 0x10", true, true),
        ("leewaySeconds: 1.5", false, false),
        ("leewaySeconds: 1_0", true, true),
    ] {
        for (text, fits) in [(file(options), in_file), (object(options), in_object)] {
            let found = check_texts(&[&text]);
            assert_eq!(found.is_empty(), fits, "{text}: {found:#?}");
        }
    }
}

#[test]
fn lists_within_lists_of_blocks_are_read_as_lists() {
    let text = "\
http:
  middlewares:
    m:
      plugin:
        gateway:
          jwt:
            jwksUrl: https://i/k
            authorize: [{path: /hr, methods: [GET, POST], anyScope: [a, b]}]
";
    assert_found(check_texts(&[text]), &[]);
    let wrong = text.replace("POST", "post");
    assert_found(
        check_texts(&[&wrong]),
        &["0.yml:8…error: jwt.authorize[0].methods[1]"],
    );
}

#[test]
fn what_the_machine_lacks_is_a_note() {
    let text = "\
experimental:
  abortOnPluginFailure: true
  localPlugins:
    jwt: {moduleName: oic-gateway/jwt, settings: {mounts: ['/no/such/directory:/no/such/directory', /]}}
http:
  middlewares:
    m: {plugin: {jwt: {jwksUrl: 'https://i/k', clientConfig: {tls: {ca: 'file:/no/such/file'}}}}}
";
    assert_found(
        check_texts(&[text]),
        &[
            "0.yml:4:60: note: /no/such/directory does not exist on this machine: where Traefik runs, create it",
            "0.yml:7:73: note: /no/such/file does not exist on this machine",
        ],
    );
}

#[test]
fn missing_mounts_are_one_note_unless_the_chart_mounts_them() {
    let values = |mounted: &str| {
        format!(
            "additionalVolumeMounts: [{mounted}]\nadditionalArguments:\n  - --experimental.abortOnPluginFailure=true\n  - \
             --experimental.localPlugins.jwt.moduleName=oic-gateway/jwt\n  - \
             --experimental.localPlugins.jwt.settings.mounts=/no/a,/no/b:/b:ro\n  - \
             --experimental.localPlugins.g.moduleName=oic-gateway/gateway\n  - \
             --experimental.localPlugins.g.settings.mounts=/no/a,/no/c/d\n"
        )
    };
    assert_found(
        check_texts(&[&values("")]),
        &["0.yml:…note: …/no/a…/no/b… do not exist on this machine: where Traefik runs, create them before"],
    );
    let both = "{name: a, mountPath: /no/a}, {name: b, mountPath: /no/b}";
    assert_found(check_texts(&[&values(both)]), &["note: /no/c/d does not exist"]);
    assert_found(
        check_texts(&[&values(&format!("{both}, {{name: c, mountPath: /no/c}}"))]),
        &[],
    );
}

#[test]
fn mistakes_that_come_by_an_alias_are_placed_at_their_source() {
    let text = "\
x-shared: &shared
  jwksUrl: https://i/k
  audience: a
http:
  middlewares:
    one: {plugin: {jwt: {<<: *shared}}}
    two: {plugin: {jwt: *shared}}
";
    assert_findings(&[text], &["0.yml:3:3: error: audience"]);
}

#[test]
fn toml_is_read_as_well() {
    let text = b"\
[http.routers.echo]
rule = 'Path(`/`)'
middlewares = 't,j'
[http.middlewares.j.plugin.jwt]
jwksUrl = 'https://i/k'
audience = 'a'
[http.middlewares.t.plugin.oAuthClientCredentials]
url = 'https://i/t'
clientID = 'a'
clientSecret = 12345678
";
    assert_found(
        check_files(&[("dynamic.toml", text)]),
        &[
            "dynamic.toml:3:15: warning: t comes before jwt",
            "dynamic.toml:6:1: error: audience",
        ],
    );
    assert_found(
        check_files(&[("dynamic.toml", b"a = [")]),
        &["dynamic.toml:1…error: not valid TOML"],
    );
}

/// The manifests of the article that the product is measured by. The only findings are about values that must be filled
/// in.
#[test]
fn the_manifests_of_a_known_article_lack_what_is_to_be_filled_in() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: oic-backend, namespace: apps}
spec: {type: ExternalName, externalName: your-oic-instance.integration.oraclecloud.com, ports: [{port: 443}]}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: jwt-external-client-validation, namespace: apps}
spec:
  plugin:
    jwt:
      jwksUrl: https://idcs-<your-domain>.identity.oraclecloud.com:443/admin/v1/SigningCert/jwk
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: oauth2-backend, namespace: apps}
spec:
  plugin:
    oAuthClientCredentials:
      url: https://idcs-<your-domain>.identity.oraclecloud.com/oauth2/v1/token
      clientID: urn:k8s:secret:oauth2-client-creds:clientID
      clientSecret: urn:k8s:secret:oauth2-client-creds:clientSecret
      scopes:
        - urn:k8s:secret:oauth2-client-creds:scope
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: virtualendpoint-oic, namespace: apps}
spec:
  replacePathRegex:
    regex: \"^/echo(/.*)?$\"
    replacement: \"/ic/api/integration/v2/flows/rest/project/YOUR_PROJECT/YOUR_INTEGRATION/1.0$1\"
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: oic-api-route, namespace: apps}
spec:
  entryPoints: [websecure]
  tls: {certResolver: le, domains: [{main: api.yourdomain.com}]}
  routes:
    - kind: Rule
      match: Host(`api.yourdomain.com`) && PathPrefix(`/echo`)
      services: [{name: oic-backend, port: 443, passHostHeader: false}]
      middlewares: [{name: virtualendpoint-oic}, {name: jwt-external-client-validation}, {name: oauth2-backend}]
";
    assert_findings(
        &[text],
        &[
            "0.yml:12:16: warning: jwksUrl: <your-domain> looks like a placeholder",
            "0.yml:20:12: warning: url: <your-domain> looks like a placeholder",
        ],
    );
}

const COMPOSE: &str = "\
services:
  traefik:
    image: traefik
    command:
      - --providers.docker
      - --experimental.abortOnPluginFailure=true
      - --experimental.localPlugins.jwt.moduleName=oic-gateway/jwt
      - --experimental.localPlugins.jwt.settings.mounts=/tmp
  orders:
    image: orders
    labels:
      - traefik.http.routers.orders.rule=PathPrefix(`/orders`)
      - traefik.http.routers.orders.middlewares=check
      - traefik.http.middlewares.check.plugin.jwt.jwksUrl=https://${IDCS_HOST}/jwk
      - traefik.http.middlewares.check.plugin.jwt.audiences=a,b
      - traefik.http.middlewares.check.plugin.jwt.authorize[0].path=/orders/**
      - traefik.http.middlewares.check.plugin.jwt.authorize[0].anyScope=orders
";

#[test]
fn labels_and_arguments_of_a_compose_file_are_read() {
    assert_findings(&[COMPOSE], &[]);
    let wrong = COMPOSE
        .replace("audiences=", "audience=")
        .replace("settings.mounts", "settings.other")
        .replace("authorize[0].path", "authorize[0].paths");
    assert_findings(
        &[&wrong],
        &[
            "0.yml:7:9: error: jwt has no settings.mounts",
            "0.yml:15:9: error: audience is not an option",
            "0.yml:16:9: error: authorize[0].path is required",
            "0.yml:16:9: error: authorize[0].paths is not an option",
        ],
    );
    let missing = COMPOSE.replace("middlewares=check", "middlewares=chek");
    assert_findings(&[&missing], &["0.yml:13:9: warning: chek…"]);
    let refused = COMPOSE.replace("orders.middlewares", "orders.middleware");
    assert_findings(
        &[&refused],
        &["0.yml:13:9: error: Traefik ignores the labels of orders: middleware is not a setting"],
    );
    let map =
        "services: {a: {image: a, labels: {traefik.enable: false, traefik.http.routers.a.middlewares: x}}}";
    assert_found(check_texts(&[map]), &["note: this Compose file has neither"]);
}

#[test]
fn a_second_router_to_the_same_container_is_a_way_around() {
    let open = format!("{COMPOSE}      - traefik.http.routers.open.rule=PathPrefix(`/`)\n");
    assert_findings(
        &[&open],
        &["0.yml:18:9: warning: router open…same backend as orders without jwt"],
    );
    // The file provider can also reach it by name and port.
    let port = format!("{COMPOSE}      - traefik.http.services.orders.loadbalancer.server.port=8080\n");
    let file = "http:\n  routers:\n    back: {rule: a, service: s}\n  services:\n    s: {loadBalancer: {servers: [{url: \
                'http://orders:8080'}]}}\n";
    assert_findings(
        &[&port, file],
        &["1.yml:3:5: warning: router back…same backend as orders without jwt"],
    );
}

const VALUES: &str = "\
ports:
  web:
    http:
      middlewares: [apps-jwt@kubernetescrd]
providers:
  kubernetesCRD:
    allowCrossNamespace: false
additionalArguments:
  - --experimental.abortOnPluginFailure=true
  - --experimental.localPlugins.jwt.moduleName=oic-gateway/jwt
  - --experimental.localPlugins.jwt.settings.mounts=/tmp
extraObjects:
  - apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: jwt, namespace: apps}
    spec: {plugin: {jwt: {jwksUrl: 'https://i/k'}}}
  - |
    apiVersion: traefik.io/v1alpha1
    kind: IngressRoute
    metadata: {name: echo, namespace: apps}
    spec:
      routes:
        - match: PathPrefix(`/echo`)
          services: [{name: oic, port: 443}]
";

#[test]
fn values_of_traefiks_chart_are_read() {
    assert_findings(&[VALUES], &[]);
    let below = format!("traefik:\n  {}\n", VALUES.trim_end().replace('\n', "\n  "));
    for values in [VALUES, &below] {
        let wrong = values
            .replace("jwksUrl", "jwksURL")
            .replace("settings.mounts", "settings.other")
            .replace("match:", "rule:");
        assert_findings(
            &[&wrong],
            &[
                "0.yml:10…error: jwt has no settings.mounts",
                "0.yml:16…error: jwksURL is not an option",
                "0.yml:23…error: rule is not a setting",
            ]
            .map(|line| if values == VALUES { line } else { shifted(line) }),
        );
    }
    let open = VALUES.replace("[apps-jwt@kubernetescrd]", "[apps-missing@kubernetescrd]");
    assert_findings(&[&open], &["0.yml:4…warning: apps-missing@kubernetescrd…"]);
    let template = VALUES.replace("name: echo, namespace: apps", "name: '{{ .Release.Name }}'");
    assert_findings(&[&template], &["0.yml:18…warning: this object is a template"]);
}

/// The same finding, one line further down.
fn shifted(line: &'static str) -> &'static str {
    match line {
        line if line.contains(":10") => "0.yml:11…error: jwt has no settings.mounts",
        line if line.contains(":16") => "0.yml:17…error: jwksURL is not an option",
        _ => "0.yml:24…error: rule is not a setting",
    }
}

#[test]
fn middlewares_of_other_namespaces_need_traefiks_consent() {
    let objects = "\
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: jwt, namespace: shared}
spec: {plugin: {jwt: {jwksUrl: 'https://i/k'}}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: echo, namespace: apps}
spec:
  routes:
    - match: PathPrefix(`/echo`)
      middlewares: [{name: jwt, namespace: shared}]
      services: [{name: oic, port: 443}]
";
    let with = |provider: &str| {
        let found = check_texts(&[objects, &format!("providers: {{kubernetesCRD: {provider}}}")]);
        found.join("\n")
    };
    assert!(with("{}").contains("0.yml:12:21: warning: shared/jwt is in another namespace"));
    assert!(with("{allowCrossNamespace: false}").contains("Traefik drops the router"));
    assert_eq!(with("{allowCrossNamespace: true}"), "");
    assert_found(
        check_texts(&[objects]),
        &["0.yml:12:21: note: shared/jwt is in another namespace"],
    );
}
