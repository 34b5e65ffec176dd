//! What happens to requests when objects change while Traefik runs.

use std::time::Duration;

use harness::idcs::{Application, Resource};
use serde_json::json;

use super::{OTHER_CLIENT, Site, apply};
use crate::support::Deadline;

/// A route that somebody forgot. It takes everything else to the same backend without a middleware.
const CATCH_ALL: &str = "
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: catch-all, namespace: apps}
spec:
  entryPoints: [websecure]
  tls: {}
  routes:
    - {kind: Rule, match: PathPrefix(`/`), services: [{name: oic-backend, port: 443, passHostHeader: false}]}
";

#[test]
fn a_rotated_secret_is_in_use_without_a_lost_request() {
    let site = Site::start();
    assert_eq!(
        site.call("/echo").send().unwrap().json()["sub"],
        Application::GATEWAY_ID
    );
    let scope = Resource::oic().full_scope("urn:opc:resource:consumer::all");
    site.idcs
        .register(Application::new(OTHER_CLIENT, "another secret").granted_scope(&scope));
    let rotated = site
        .cluster
        .edit("Secret", "apps", "oauth2-client-creds", |secret| {
            secret["stringData"] = json!({ "clientID": OTHER_CLIENT, "clientSecret": "another secret" });
        });
    assert!(rotated);
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let answer = site.call("/echo").send().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        if answer.json()["sub"] == OTHER_CLIENT {
            break;
        }
        deadline.pause("the new client");
    }
    assert_eq!(site.idcs.token_calls(), 2, "one call for each client");
    let log = site.traefik.log();
    let ours = log.lines().filter(|line| line.contains("code="));
    assert!(ours.clone().count() > 0);
    assert!(
        ours.clone().all(|line| !line.contains("another secret")),
        "the log contains a secret"
    );
}

#[test]
fn an_edited_middleware_counts_at_once() {
    let site = Site::start();
    assert_eq!(site.call("/echo").send().unwrap().status, 200);
    for (audiences, status) in [
        (json!(["https://another.example/"]), 401),
        (json!([Resource::gateway_api().primary_audience]), 200),
        (json!(["https://another.example/"]), 401),
        (json!(null), 200),
    ] {
        let name = "jwt-external-client-validation";
        assert!(site.cluster.edit("Middleware", "apps", name, |middleware| {
            middleware["spec"]["plugin"]["jwt"]["audiences"] = audiences.clone();
        }));
        let deadline = Deadline::after(Duration::from_secs(30));
        while site.call("/echo").send().unwrap().status != status {
            deadline.pause("the edited middleware");
        }
    }
    assert_eq!(site.idcs.jwks_calls(), 1);
}

/// Tests what passes if something is missing or wrong and a broader route exists. In the first three cases Traefik
/// drops the whole router. `docs/troubleshooting.md` explains how to protect against that.
#[test]
fn a_broader_route_takes_over_from_a_router_that_traefik_drops_but_not_from_a_plugin_that_refuses() {
    let kind = "Middleware";
    let jwt = "jwt-external-client-validation";
    for (what, passes_unchecked) in [
        ("the middleware is deleted", true),
        ("the secret is deleted", true),
        ("the plugin is misspelt", true),
        ("an option is misspelt", false),
        ("an option has a wrong value", false),
        ("the key set's URL leads nowhere", false),
    ] {
        let site = Site::start();
        site.cluster
            .apply(&CATCH_ALL.replace("443", &site.port().to_string()))
            .unwrap();
        // The catch-all takes a request that no other route takes. OIC refuses it.
        site.wait_for("the catch-all", "/other", 404);
        assert_eq!(site.call("/echo").send().unwrap().status, 200, "{what}");
        let edit = |change: fn(&mut serde_json::Value)| site.cluster.edit(kind, "apps", jwt, change);
        assert!(match what {
            "the middleware is deleted" => site.cluster.delete(kind, "apps", jwt),
            "the secret is deleted" => site.cluster.delete("Secret", "apps", "oauth2-client-creds"),
            "the plugin is misspelt" => edit(|it| it["spec"]["plugin"] = json!({ "jtw": {} })),
            "an option is misspelt" => edit(|it| it["spec"]["plugin"]["jwt"]["audience"] = json!("x")),
            "an option has a wrong value" =>
                edit(|it| it["spec"]["plugin"]["jwt"]["leewaySeconds"] = json!(-1)),
            _ => edit(|it| it["spec"]["plugin"]["jwt"]["jwksUrl"] = json!("https://127.0.0.1:1/keys")),
        });
        let deadline = Deadline::after(Duration::from_secs(30));
        loop {
            site.oic.forget_records();
            let answer = site.call("/echo/x").send().unwrap();
            let seen = site.oic.last_request();
            let reason = answer.header("content-type") == Some("application/problem+json");
            match (passes_unchecked, seen) {
                // The request passed unchecked and without a rewrite, with the caller's own token.
                (true, Some(seen)) if seen.path == "/echo/x" => break,
                (false, None) if reason && answer.status >= 500 => break,
                (false, Some(seen)) => assert_ne!(seen.path, "/echo/x", "{what}: passed unchecked"),
                _ => {}
            }
            deadline.pause(what);
        }
    }
}

#[test]
fn middlewares_of_another_namespace_are_found_where_that_is_allowed() {
    let site = Site::start_with(|cluster, changed| {
        apply(cluster, "manifests", &|text| {
            let text = changed(text);
            // Everything except the route and its service is in a namespace of the platform team.
            match text.contains("kind: IngressRoute") {
                true => text
                    .replace(
                        "- name: virtualendpoint-oic",
                        "- namespace: platform\n          name: virtualendpoint-oic",
                    )
                    .replace(
                        "- name: jwt-external",
                        "- namespace: platform\n          name: jwt-external",
                    )
                    .replace(
                        "- name: oauth2-backend",
                        "- namespace: platform\n          name: oauth2-backend",
                    ),
                false if text.contains("kind: Service") => text,
                false => text.replace("namespace: apps", "namespace: platform"),
            }
        });
    });
    site.wait_for("the route", "/echo", 401);
    let answer = site.call("/echo").send().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn fifty_routes_that_share_the_middlewares_cost_one_call_each() {
    const ROUTES: usize = 50;
    let site = Site::start_with(|cluster, changed| {
        apply(cluster, "manifests", &|text| {
            let text = changed(text).replace("^/echo(/.*)?$", "^/echo[0-9]*(/.*)?$");
            if !text.contains("kind: IngressRoute") {
                return text;
            }
            let route = |number: usize| {
                text.replace("name: oic-api-route", &format!("name: route-{number}"))
                    .replace("PathPrefix(`/echo`)", &format!("PathPrefix(`/echo{number}`)"))
            };
            // Traefik tries longer rules first, so that /echo1 does not take the requests of /echo10.
            (0..ROUTES).map(route).collect::<Vec<_>>().join("\n---\n")
        });
    });
    site.wait_for("the last route", &format!("/echo{}", ROUTES - 1), 401);
    for number in 0..ROUTES {
        let answer = site.call(&format!("/echo{number}/x")).send().unwrap();
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
    }
    assert_eq!((site.idcs.jwks_calls(), site.idcs.token_calls()), (1, 1));
}
