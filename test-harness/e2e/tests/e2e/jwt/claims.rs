//! Rules about claims in the expression language of Traefik Hub: `claims`.

use harness::idcs::{ClientToken, Idcs};
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with};

#[test]
fn only_a_token_whose_claims_satisfy_the_expression_passes() {
    let idcs = Idcs::start();
    let rule = |expression: &str| with(published_by(&idcs), "claims", expression);
    let table = [
        ("/equals", rule("Equals(`grp`, `admin`)")),
        ("/prefix", rule("Prefix(`email`, `jane@`)")),
        ("/contains", rule("Contains(`roles`, `writer`)")),
        ("/split", rule("SplitContains(`scope`, ` `, `echo`)")),
        ("/one-of", rule("OneOf(`grp`, `admin`, `owner`)")),
        ("/nested", rule("Equals(`org.unit.name`, `hr`)")),
        ("/dotted", rule(r"Equals(`user\.tenant\.name`, `t-1`)")),
        ("/boolean", rule("Equals(`verified`, `true`)")),
        (
            "/all",
            rule("Equals(`grp`, `admin`) && (Contains(`roles`, `writer`) || !Equals(`verified`, `true`))"),
        ),
        ("/not", rule("!Equals(`grp`, `guest`)")),
    ];
    let gateway = routes(idcs, &table).start();
    let token = |claims: Value| {
        let with = |token: ClientToken, (name, value): (&String, &Value)| token.claim(name, value.clone());
        let claims = claims.as_object().unwrap();
        claims.iter().fold(gateway.idcs.client_token(), with).mint()
    };
    let full = token(json!({
        "grp": "admin", "email": "jane@example.com", "roles": ["reader", "writer"], "scope": "openid echo",
        "org": { "unit": { "name": "hr" } }, "user.tenant.name": "t-1", "verified": true,
    }));
    let poor = token(json!({
        "grp": "guest", "email": "joe+jane@example.com", "roles": ["writers"], "scope": "echoes",
        "org": { "unit": "hr" }, "org.unit.name": "hr", "user.tenant.name": "t-2", "verified": "yes",
    }));
    let bare = token(json!({ "scope": "" }));
    for (path, _) in &table {
        for _ in 0..2 {
            assert_eq!(
                gateway.get(path).bearer(&full).send().unwrap().status,
                200,
                "{path}"
            );
            Refusal::CLAIMS_NOT_MET.assert(path, &gateway.get(path).bearer(&poor).send().unwrap());
            let answer = gateway.get(path).bearer(&bare).send().unwrap();
            match *path {
                "/not" => assert_eq!(answer.status, 200, "a missing claim is not `guest`"),
                _ => Refusal::CLAIMS_NOT_MET.assert(path, &answer),
            }
        }
        let forged = gateway
            .idcs
            .client_token()
            .claim("grp", "guest")
            .signed_by_another_key()
            .mint();
        Refusal::INVALID_TOKEN.assert(path, &gateway.get(path).bearer(&forged).send().unwrap());
    }
    let log = gateway.traefik.log();
    assert!(log.contains("reason=claims_not_met"), "{log}");
    assert!(!log.contains("jane@example.com"), "{log}");
}
