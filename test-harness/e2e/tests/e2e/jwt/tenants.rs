//! All tenants of IDCS have the same issuer and the same key ID. A key is valid only for the tenant that published it.

use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{ClientToken, Idcs};
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with};

#[test]
fn a_router_for_one_tenant_never_accepts_the_other_tenants_tokens() {
    let (first, second) = (Idcs::start(), Idcs::builder().tenant(1).start());
    assert_eq!(first.issuer(), second.issuer());
    assert_eq!(first.signing_key().kid(), second.signing_key().kid());
    let named = |idcs: &Idcs| with(published_by(idcs), "tenant", idcs.tenant());
    let table: [(&str, Value); 4] = [
        ("/first-by-key", published_by(&first)),
        ("/first-by-name", named(&first)),
        ("/second-by-key", published_by(&second)),
        ("/second-by-name", named(&second)),
    ];
    let mut gateway = routes(first, &table).start();
    assert_tenants_are_apart(&gateway, &second);

    // Both key sets now come from the same state directory.
    gateway.idcs.down(Fault::Refuse);
    second.down(Fault::Refuse);
    gateway.traefik.restart().unwrap();
    assert_tenants_are_apart(&gateway, &second);
}

fn assert_tenants_are_apart(gateway: &Gateway, second: &Idcs) {
    let first: &Idcs = &gateway.idcs;
    let thumbprint = |token: ClientToken, idcs: &Idcs| {
        let key = idcs.signing_key();
        token
            .header("x5t#S256", json!(key.x5t_s256()))
            .header("x5t", json!(key.x5t()))
    };
    // Tokens signed by one tenant: its own tokens, and tokens that claim to be from the other tenant.
    let by_first = [
        first.client_token().mint(),
        first.client_token().tenant(second.tenant()).mint(),
        thumbprint(first.client_token().tenant(second.tenant()), second).mint(),
    ];
    let by_second = [
        second.client_token().mint(),
        second.client_token().tenant(first.tenant()).mint(),
        thumbprint(second.client_token().tenant(first.tenant()), first).mint(),
    ];
    // Without the option `tenant`, only the key decides. With it, both must match.
    let rows = [
        ("/first-by-key", &by_first, [200, 200, 200], &by_second),
        ("/first-by-name", &by_first, [200, 401, 401], &by_second),
        ("/second-by-key", &by_second, [200, 200, 200], &by_first),
        ("/second-by-name", &by_second, [200, 401, 401], &by_first),
    ];
    std::thread::scope(|scope| {
        for (path, own, expected, others) in rows {
            scope.spawn(move || {
                for _ in 0..5 {
                    let send = |token: &String| gateway.get(path).bearer(token).send().unwrap();
                    for token in others {
                        Refusal::INVALID_TOKEN.assert(path, &send(token));
                    }
                    let statuses: Vec<u16> = own.iter().map(|token| send(token).status).collect();
                    assert_eq!(statuses, expected, "{path}");
                }
            });
        }
    });
}
