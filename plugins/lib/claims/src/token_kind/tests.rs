use super::*;
use serde_json::{Value, json};

fn accepts(claims: &Value) -> bool {
    check(&Claims::parse(claims.to_string().as_bytes()).unwrap()).is_ok()
}

/// Claims as the providers' documents and sources show them; ids and times are left out.
#[test]
fn access_tokens_of_real_providers_pass_and_their_other_tokens_do_not() {
    for (who, claims, expected) in [
        (
            "IDCS access",
            json!({"tok_type": "AT", "scope": "x", "sub_type": "client"}),
            true,
        ),
        (
            "IDCS ID",
            json!({"tok_type": "IT", "nonce": "n", "at_hash": "h"}),
            false,
        ),
        ("IDCS refresh", json!({"tok_type": "RT"}), false),
        (
            "Keycloak access",
            json!({"typ": "Bearer", "azp": "app", "sid": "s", "acr": "1"}),
            true,
        ),
        (
            "Keycloak 24 access",
            json!({"typ": "Bearer", "nonce": "n", "azp": "app"}),
            true,
        ),
        ("Keycloak DPoP", json!({"typ": "DPoP", "cnf": {"jkt": "k"}}), true),
        (
            "Keycloak ID",
            json!({"typ": "ID", "aud": "api", "at_hash": "h"}),
            false,
        ),
        (
            "Keycloak refresh",
            json!({"typ": "Refresh", "aud": "https://kc/realms/r"}),
            false,
        ),
        ("Keycloak offline", json!({"typ": "Offline"}), false),
        (
            "Keycloak logout",
            json!({"typ": "Logout", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            false,
        ),
        ("Keycloak hint", json!({"typ": "Serialized-ID"}), false),
        (
            "Keycloak action",
            json!({"typ": "execute-actions", "nonce": "n"}),
            false,
        ),
        (
            "Cognito access",
            json!({"token_use": "access", "client_id": "c", "scope": "s"}),
            true,
        ),
        (
            "Cognito ID",
            json!({"token_use": "id", "aud": "c", "at_hash": "h"}),
            false,
        ),
        (
            "Hydra access",
            json!({"active": true, "token_type": "Bearer", "token_use": "access_token"}),
            true,
        ),
        (
            "Hydra refresh",
            json!({"active": true, "token_type": "Bearer", "token_use": "refresh_token"}),
            false,
        ),
        (
            "Dex introspection, refresh",
            json!({"active": true, "token_type": "Bearer", "token_use": "refresh_token"}),
            false,
        ),
        (
            "Dex access without nonce",
            json!({"aud": "c", "at_hash": "h", "email": "j@x"}),
            true,
        ),
        (
            "Dex, either kind with nonce",
            json!({"aud": "c", "nonce": "n", "at_hash": "h"}),
            false,
        ),
        (
            "authentik access",
            json!({"azp": "c", "uid": "u", "nonce": "n", "scope": "openid"}),
            true,
        ),
        (
            "Entra v1 access",
            json!({"ver": "1.0", "appid": "a", "scp": "s", "idtyp": "user"}),
            true,
        ),
        (
            "Entra v2 access",
            json!({"ver": "2.0", "azp": "a", "scp": "s", "uti": "u"}),
            true,
        ),
        (
            "Entra hybrid ID",
            json!({"ver": "2.0", "nonce": "n", "c_hash": "h", "aio": "a"}),
            false,
        ),
        (
            "Azure AD B2C access",
            json!({"ver": "1.0", "nonce": "n", "tfp": "p", "scp": "s", "azp": "a"}),
            true,
        ),
        ("Okta access", json!({"ver": 1, "cid": "c", "scp": ["s"]}), true),
        (
            "Okta ID, implicit",
            json!({"ver": 1, "nonce": "n", "at_hash": "h"}),
            false,
        ),
        (
            "Salesforce introspection",
            json!({"active": true, "token_type": "access_token"}),
            true,
        ),
        (
            "Salesforce refresh",
            json!({"active": true, "token_type": "refresh_token"}),
            false,
        ),
        (
            "oidc-provider 6 client",
            json!({"active": true, "token_type": "client_credentials"}),
            true,
        ),
        (
            "Simple JWT access",
            json!({"token_type": "access", "user_id": 1}),
            true,
        ),
        (
            "Simple JWT refresh",
            json!({"token_type": "refresh", "user_id": 1}),
            false,
        ),
        ("security event", json!({"events": {"urn:x": {}}}), false),
        (
            "logout token",
            json!({"sid": "s", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            false,
        ),
        ("a claim of one's own", json!({"events": ["login"]}), true),
        ("names no kind", json!({"sub": "jane"}), true),
    ] {
        assert_eq!(accepts(&claims), expected, "{who}: {claims}");
    }
}

#[test]
fn a_kind_counts_in_every_usual_spelling_and_an_unknown_one_is_refused() {
    for (kind, expected) in [
        (json!("Bearer"), true),
        (json!("bearer"), true),
        (json!("BEARER"), true),
        (json!("dpop"), true),
        (json!("at+jwt"), true),
        (json!("application/at+jwt"), true),
        (json!("urn:ietf:params:oauth:token-type:access_token"), true),
        (json!("access-token"), true),
        (json!("JWT"), true),
        (json!("urn:ietf:params:oauth:token-type:jwt"), true),
        (json!("urn:ietf:params:oauth:token-type:refresh_token"), false),
        (json!("urn:ietf:params:oauth:token-type:id_token"), false),
        (json!("id_token"), false),
        (json!("N_A"), false),
        (json!("mac"), false),
        (json!("Bearer "), false),
        (json!(""), false),
        (json!("whatever"), false),
        (json!(1), false),
        (json!(null), false),
        (json!(["Bearer"]), false),
    ] {
        for name in ["typ", "token_use", "token_type"] {
            assert_eq!(accepts(&json!({ name: kind })), expected, "{name}: {kind}");
        }
    }
    for (kind, expected) in [
        (json!("AT"), true),
        (json!("at"), false),
        (json!("Bearer"), false),
        (json!(null), false),
    ] {
        assert_eq!(accepts(&json!({ "tok_type": kind })), expected, "{kind}");
    }
}

#[test]
fn one_name_of_another_kind_is_enough() {
    for claims in [
        json!({"typ": "Bearer", "token_use": "refresh"}),
        json!({"typ": "ID", "token_use": "access"}),
        json!({"tok_type": "AT", "typ": "Refresh"}),
    ] {
        assert!(!accepts(&claims), "{claims}");
    }
}

#[test]
fn the_shape_counts_only_where_no_access_token_is_named() {
    let shape = json!({"nonce": "n", "at_hash": "h", "c_hash": "h"});
    let with = |name: &str, kind: &str| {
        let mut claims = shape.clone();
        claims[name] = json!(kind);
        claims
    };
    assert!(!accepts(&shape));
    assert!(!accepts(&with("typ", "JWT")), "says nothing");
    assert!(accepts(&with("typ", "Bearer")));
    assert!(accepts(&with("tok_type", "AT")));
    assert!(accepts(&json!({"nonce": "n", "at_hash": null, "c_hash": null})));
}
