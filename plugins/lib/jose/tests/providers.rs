//! Key sets as providers publish them, and which of their keys can be used.
//!
//! Each document comes from a public source, which its row names. Certificates in `x5c` are shortened, because nothing
//! reads them.
#![allow(clippy::unwrap_used)]

use jose::{KeySet, KeySetError, NotAKeySet};
use serde_json::Value;

/// One provider's document.
struct Provider {
    name: &'static str,
    document: &'static str,
    /// `kid` and `alg` of the keys that can be used. Without `alg` a key serves every algorithm of its type.
    usable: &'static [(&'static str, Option<&'static str>)],
    /// `kid` of the keys that are left out, and why.
    ignored: &'static [(&'static str, &'static str)],
}

const ENCRYPTION: &str = "it is not meant for signatures";
const RS256: Option<&str> = Some("RS256");

const PROVIDERS: [Provider; 15] = [
    // Oracle, API Platform workshop: answer of https://idcs-….identity.oraclecloud.com/admin/v1/SigningCert/jwk.
    // It has the operations of the private half and lacks `verify`. All domains use the same name for their key.
    Provider {
        name: "OCI IAM (IDCS)",
        document: include_str!("data/idcs.json"),
        usable: &[("SIGNING_KEY", RS256)],
        ignored: &[],
    },
    // https://login.microsoftonline.com/common/discovery/v2.0/keys. Without `alg`, and with members of its own.
    Provider {
        name: "Entra ID",
        document: include_str!("data/entra.json"),
        usable: &[
            ("yEUwmXWL107Cc-7QZ2WSbeOb3sQ", None),
            ("fr4hEBEECiE7xC8D3u2vlr3n9ok", None),
        ],
        ignored: &[],
    },
    // https://www.googleapis.com/oauth2/v3/certs.
    Provider {
        name: "Google",
        document: include_str!("data/google.json"),
        usable: &[
            ("93a9358ccf99f1bb040bc6221d5493e1ffd8ada1", RS256),
            ("d543e21a0273efc66a4750002441cb2151cb235f", RS256),
        ],
        ignored: &[],
    },
    // Auth0's documentation, "JSON Web Key Set Properties"; its `x5t` is base64 of hexadecimal digits.
    Provider {
        name: "Auth0",
        document: include_str!("data/auth0.json"),
        usable: &[("NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg", RS256)],
        ignored: &[],
    },
    // https://appleid.apple.com/auth/keys.
    Provider {
        name: "Apple",
        document: include_str!("data/apple.json"),
        usable: &[("86D88Kf", RS256), ("eXaunmL", RS256)],
        ignored: &[],
    },
    // https://cognito-idp.REGION.amazonaws.com/POOL/.well-known/jwks.json. `kid` is standard base64.
    Provider {
        name: "Amazon Cognito, user pools",
        document: include_str!("data/cognito.json"),
        usable: &[
            ("UGIevE1I5DkrQL0VFF7nRif5Z5G5PXaHEArHtBu/HM0=", RS256),
            ("cp0ki1D1mvwFpOogCSL60SbczuqkLnW1HRlYQLmteao=", RS256),
        ],
        ignored: &[],
    },
    // https://cognito-identity.amazonaws.com/.well-known/jwks_uri, two of several dozen keys. Numbers in standard
    // base64, with padding and a zero in front.
    Provider {
        name: "Amazon Cognito, identity pools",
        document: include_str!("data/cognito-identity.json"),
        usable: &[("eu-west-21", Some("RS512")), ("us-east-11", Some("RS512"))],
        ignored: &[],
    },
    // https://gitlab.com/oauth/discovery/keys. One key of 4096 bits.
    Provider {
        name: "GitLab",
        document: include_str!("data/gitlab.json"),
        usable: &[
            ("kewiQq9jiC84CvSsJYOB-N6A8WFLSV20Mb-y7IlWDSQ", RS256),
            ("4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE", RS256),
        ],
        ignored: &[],
    },
    // /.well-known/jwks.json of an installation.
    Provider {
        name: "Ory Hydra",
        document: include_str!("data/ory-hydra.json"),
        usable: &[("public:hydra.openid.id-token", RS256)],
        ignored: &[],
    },
    // https://account-public-service-prod.ol.epicgames.com/account/api/publickeys, two answers in one set; the second
    // with the padding that such a set may have. Neither `alg` nor `use`.
    Provider {
        name: "Epic Games",
        document: include_str!("data/epic.json"),
        usable: &[
            ("WMS7EnkIGpcH9DGZsv2WcY9xsuFnZCtxZjj4Ahb-_8E", None),
            ("g__VKjSSmqJ0xZj1RYkLGKQ7dnHiM9MLhFVwKPySDB4", None),
        ],
        ignored: &[],
    },
    // /realms/NAME/protocol/openid-connect/certs: the encryption key of jenkinsci/oic-auth-plugin#304 beside another
    // realm's signing key. Every realm has both.
    Provider {
        name: "Keycloak",
        document: include_str!("data/keycloak.json"),
        usable: &[("MctAJ4EJKxzrjlPKdVSStjL4pIJ16XrDIroHnp3BVI8", RS256)],
        ignored: &[("14MuZmRLJtgqpRrcATyTeCUpaU3IHm8kwuCzRJbWnyU", ENCRYPTION)],
    },
    // https://login.salesforce.com/id/keys of 7 January 2015, as in the tests of jose4j; the first key.
    Provider {
        name: "Salesforce",
        document: include_str!("data/salesforce.json"),
        usable: &[("188", RS256)],
        ignored: &[],
    },
    // coreos/go-oidc#193: padding, and the zero of a signed number in front.
    Provider {
        name: "a provider behind coreos/go-oidc#193",
        document: include_str!("data/padded.json"),
        usable: &[("Ow9jxPbGhteqL/y8shzj5I1tJMUe", RS256)],
        ignored: &[],
    },
    // Key sets for the FAPI conformance tests of wso2/product-is: one key each for encryption, signatures and TLS.
    Provider {
        name: "open banking directories",
        document: include_str!("data/forgerock.json"),
        usable: &[("KZtSs4C20n0rxwT9tJBIn/gBzqQ=", Some("PS256"))],
        ignored: &[
            ("k6mOquqT8OLAXapY1u3+UC6pASs=", ENCRYPTION),
            ("TKHsPIIGBAJoSqEEgAfLWK3iCMs", ENCRYPTION),
        ],
    },
    // The form that PingFederate documents for /pf/JWKS, with the example keys of RFC 7517 and RFC 7520.
    Provider {
        name: "PingFederate",
        document: include_str!("data/pingfederate.json"),
        usable: &[("p256", Some("ES256")), ("current", RS256)],
        ignored: &[("p521", "its alg is not supported"), ("p256-enc", ENCRYPTION)],
    },
];

#[test]
fn the_key_sets_of_real_providers_are_usable() {
    for provider in &PROVIDERS {
        let set = KeySet::from_jwks(provider.document.as_bytes());
        let set = set.unwrap_or_else(|error| panic!("{}: {error}", provider.name));
        let kept: Value = serde_json::from_slice(&set.to_bytes()).unwrap();
        let usable: Vec<_> = kept["keys"].as_array().unwrap().iter().collect();
        let usable: Vec<_> = usable
            .iter()
            .map(|key| (key["kid"].as_str().unwrap(), key["alg"].as_str()))
            .collect();
        assert_eq!(usable, provider.usable, "{}", provider.name);
        let ignored: Vec<_> = set.ignored().iter().collect();
        let ignored: Vec<_> = ignored
            .iter()
            .map(|key| (key.key_id.as_deref().unwrap(), key.reason.to_string()))
            .collect();
        let expected: Vec<_> = provider
            .ignored
            .iter()
            .map(|(kid, reason)| (*kid, (*reason).to_owned()))
            .collect();
        assert_eq!(ignored, expected, "{}", provider.name);
    }
}

#[test]
fn no_provider_causes_a_warning() {
    for provider in &PROVIDERS {
        let set = KeySet::from_jwks(provider.document.as_bytes()).unwrap();
        for ignored in set.ignored() {
            assert!(
                ignored.reason.level() < middleware::Level::Warn,
                "{}: {ignored}",
                provider.name
            );
        }
    }
}

/// Other documents at the URLs of providers: metadata (Entra ID, `common`), and Google's older form.
#[test]
fn other_documents_of_providers_are_named() {
    for (document, expected) in [
        (
            r#"{"token_endpoint":"https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "jwks_uri":"https://login.microsoftonline.com/common/discovery/v2.0/keys",
                "issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}"#,
            NotAKeySet::Metadata,
        ),
        (
            r#"{"93a9358ccf99f1bb040bc6221d5493e1ffd8ada1":"-----BEGIN CERTIFICATE-----\nMIIDJzCC\n-----END CERTIFICATE-----\n"}"#,
            NotAKeySet::Certificates,
        ),
    ] {
        assert_eq!(
            KeySet::from_jwks(document.as_bytes()),
            Err(KeySetError::NotAKeySet(expected))
        );
    }
}
