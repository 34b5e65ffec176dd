//! With `forwardedHeaders.connection`, an entry point keeps the listed names in `Connection`. The proxy then removes
//! the headers with these names, after the plugins have run.

use harness::client::raw;
use harness::gateway::Gateway;
use serde_json::json;

#[test]
fn a_client_cannot_strip_what_a_plugin_has_set() {
    for one_module in [false, true] {
        let builder = Gateway::builder().jwt(json!({ "usernameClaim": "sub" }));
        let builder = if one_module { builder.one_module() } else { builder };
        let left_to_the_proxy = json!(["X-Forwarded-User", "Authorization", "X-Replaced-Path", "X-Other"]);
        let gateway = builder
            .traefik(move |traefik| {
                traefik.static_patch(json!({
                    "entryPoints": { "web": { "forwardedHeaders": { "connection": left_to_the_proxy } } },
                }))
            })
            .start();
        let token = gateway.idcs.client_token().mint();
        let send = |connection: &str| {
            let request = format!(
                "GET /echo/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nX-Other: 1\r\n{connection}\r\n"
            );
            let answer = raw(gateway.traefik.address("web").unwrap(), request.as_bytes()).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        };
        for connection in [
            "Connection: close, X-Forwarded-User\r\n",
            "Connection: close, authorization\r\n",
            "Connection: close\r\nConnection: X-Replaced-Path\r\n",
            "Connection: Upgrade, X-Forwarded-User, Authorization\r\nUpgrade: websocket\r\n",
        ] {
            let answer = send(connection);
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_request"),
                "{connection}: {answer}"
            );
        }
        assert_eq!(gateway.oic.requests_count(), 0);
        for connection in [
            "Connection: close\r\n",
            "Connection: close, X-Other\r\n",
            "Connection: close, X-Unknown\r\n",
        ] {
            let answer = send(connection);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{connection}: {answer}");
            let seen = gateway.oic.last_request().unwrap();
            assert!(seen.header("x-forwarded-user").is_some(), "{connection}");
            assert_eq!(seen.count("authorization"), 1, "{connection}");
        }
    }
}
