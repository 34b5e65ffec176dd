//! One Redis for two Traefiks, each with a state directory of its own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::client::Client;
use test_harness::gateway::{Gateway, GatewayBuilder};
use test_harness::idcs::{Application, Idcs, IdcsHandle, Resource};
use test_harness::oic::Oic;
use test_harness::redis::Redis;
use test_harness::tools::workspace_root;
use test_harness::traefik::Traefik;

use crate::support::{Deadline, plugin_lines};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "pa55word-of-redis";

fn store(redis: &Redis) -> Value {
    json!({
        "keyPrefix": "oic:",
        "secret": SECRET,
        "redis": { "endpoints": [redis.endpoint()], "password": PASSWORD },
    })
}

/// A gateway for this domain. It comes with an identity provider of its own, which it does not use.
fn gateway(idcs: &IdcsHandle, redis: &Redis) -> GatewayBuilder {
    Gateway::in_front_of(Idcs::builder().tenant(9).start())
        .oic(|_| Oic::builder(idcs).start())
        .jwt(json!({ "jwksUrl": idcs.jwks_url() }))
        .oauth(json!({ "url": idcs.token_url(), "store": store(redis) }))
}

fn status(gateway: &Gateway, idcs: &Idcs) -> u16 {
    let token = idcs.client_token().expires_in(3600).mint();
    gateway.get("/echo").bearer(&token).send().unwrap().status
}

/// Two gateways that start, and are asked, at the same time.
fn two(idcs: &Idcs, redis: &Redis) -> [Gateway; 2] {
    std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| {
            scope.spawn(|| {
                let gateway = gateway(&idcs.handle(), redis).start();
                for _ in 0..20 {
                    assert_eq!(status(&gateway, idcs), 200, "{}", gateway.traefik.log());
                }
                gateway
            })
        });
        threads.map(|thread| thread.join().unwrap())
    })
}

fn events(gateway: &Gateway, code: &str) -> usize {
    let log = gateway.traefik.log();
    let code = format!("code={code} ");
    plugin_lines(&log).filter(|line| line.contains(&code)).count()
}

#[test]
fn two_traefiks_share_one_token_and_its_end_and_redis_learns_nothing() {
    let Some(redis) = Redis::builder().with(&["requirepass", PASSWORD]).start() else {
        return;
    };
    let idcs = Idcs::start();
    idcs.answer_after(Duration::from_millis(300));
    let [one, other] = two(&idcs, &redis);
    assert_eq!(idcs.token_calls(), 1);
    assert_eq!(
        events(&one, "fetch.done kind=token") + events(&other, "fetch.done kind=token"),
        1
    );
    assert_eq!(events(&one, "store.adopted") + events(&other, "store.adopted"), 1);

    // OIC no longer takes it. The first to find out fetches, the other takes what that one got.
    for gateway in [&one, &other] {
        gateway.oic.revoke_seen_tokens();
    }
    for gateway in [&one, &other] {
        assert_eq!(status(gateway, &idcs), 401);
        let deadline = Deadline::after(Duration::from_secs(10));
        while status(gateway, &idcs) != 200 {
            deadline.pause("the next token is in use");
        }
    }
    assert_eq!(idcs.token_calls(), 2);

    let everything = redis.everything();
    assert!(everything.starts_with("oic:{token-"), "{everything}");
    let mut secrets = vec![
        SECRET.to_owned(),
        PASSWORD.to_owned(),
        Application::gateway().client_secret,
    ];
    // All tokens of the domain begin like this one.
    secrets.push(idcs.client_token().mint()[..12].to_owned());
    for secret in secrets {
        assert!(!everything.contains(&secret));
        for gateway in [&one, &other] {
            assert!(plugin_lines(&gateway.traefik.log()).all(|line| !line.contains(&secret)));
        }
    }
}

#[test]
fn without_redis_each_traefik_goes_on_and_with_it_they_share_again() {
    let Some(mut redis) = Redis::builder().with(&["requirepass", PASSWORD]).start() else {
        return;
    };
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 3).start();
    let gateways = two(&idcs, &redis);
    type Act = fn(&mut Redis);
    let acts: [(Act, Act); 2] = [(Redis::kill, Redis::restart), (|it| it.freeze(), |it| it.thaw())];
    for (round, (down, up)) in (1..).zip(acts) {
        for (act, code) in [(down, "store.failed"), (up, "store.back")] {
            act(&mut redis);
            let deadline = Deadline::after(Duration::from_secs(40));
            while gateways.iter().any(|gateway| events(gateway, code) < round) {
                for gateway in &gateways {
                    let asked = Instant::now();
                    assert_eq!(status(gateway, &idcs), 200, "{}", gateway.traefik.log());
                    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
                }
                deadline.pause(code);
            }
        }
    }
    for gateway in &gateways {
        assert!(events(gateway, "store.failed") <= 4, "{}", gateway.traefik.log());
        assert_eq!(events(gateway, "fetch.failed"), 0, "{}", gateway.traefik.log());
    }
    // The token that follows lasts, and is one for both.
    idcs.set(|switches| switches.default_ttl = 3600);
    let last = |gateway: &Gateway| {
        assert_eq!(status(gateway, &idcs), 200);
        let seen = gateway.oic.last_request().unwrap();
        seen.header("authorization").unwrap().to_owned()
    };
    let deadline = Deadline::after(Duration::from_secs(20));
    while last(&gateways[0]) != last(&gateways[1]) {
        deadline.pause("both use one token");
    }
}

#[test]
fn the_example_shares_one_token_between_two_machines() {
    let file = |name: &str| {
        let path = workspace_root().join("examples/several-replicas").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let configuration = file("redis.conf").replace("REDIS_PASSWORD", PASSWORD);
    let Some(redis) = Redis::builder().configuration(&configuration).tls().start() else {
        return;
    };
    let (idcs, authority) = (Idcs::start(), CertificateAuthority::shared());
    let oic = Oic::start(&idcs);
    let client = Client::with(|builder| builder.danger_accept_invalid_certs(true));
    let machines = [(); 2].map(|()| {
        let files = tempfile::tempdir().unwrap();
        let ca = authority.write_ca_pem(files.path()).unwrap();
        let scope = Resource::oic().full_scope("urn:opc:resource:consumer::all");
        let changes = [
            ("idcs-YOUR_DOMAIN.identity.oraclecloud.com", idcs.address().to_string()),
            ("idcs-YOUR_DOMAIN", idcs.tenant().to_owned()),
            (
                "https://YOUR_INSTANCE.integration.YOUR_REGION.ocp.oraclecloud.com:443urn:opc:resource:consumer::all",
                scope,
            ),
            ("YOUR_OIC_HOST", oic.address().to_string()),
            ("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO".to_owned()),
            ("/var/lib/traefik-oic", files.path().display().to_string()),
            ("redis.example.com:6379", redis.endpoint()),
            ("api.example.com`", "127.0.0.1`".to_owned()),
        ];
        let changed = |name: &str| {
            let text = file(name);
            changes.iter().fold(text, |text, (from, to)| text.replace(from, to))
        };
        let gateway = Application::gateway();
        let traefik = Traefik::builder()
            .static_yaml(changed("traefik.yml"))
            .dynamic(changed("dynamic.yml"))
            .plugins_from(&test_harness::guests::artifacts().unwrap().root)
            .root_ca(&ca)
            .env("SSL_CERT_FILE", ca.display().to_string())
            .env("OIC_CLIENT_ID", gateway.client_id)
            .env("OIC_CLIENT_SECRET", gateway.client_secret)
            .env("STORE_SECRET", SECRET)
            .env("REDIS_PASSWORD", PASSWORD)
            .start()
            .unwrap();
        let port = traefik.address("websecure").unwrap().port();
        let token = idcs.client_token().mint();
        let answer = client.get(&format!("https://127.0.0.1:{port}/echo")).bearer(&token).send().unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), traefik.log());
        (traefik, files)
    });
    let says = |number: usize, code: &str| {
        machines[number]
            .0
            .log()
            .contains(&format!("code={code} kind=token"))
    };
    assert_eq!(idcs.token_calls(), 1);
    assert!(
        says(0, "fetch.done") && says(1, "store.adopted"),
        "{}",
        machines[1].0.log()
    );
    assert_eq!(idcs.jwks_calls(), 2, "keys are public, and every machine's own");
    assert!(
        redis.everything().starts_with("oic:{token-"),
        "{}",
        redis.everything()
    );
    for (traefik, _) in &machines {
        assert!(
            !traefik.log().contains("code=store.failed") && !traefik.log().contains("code=configuration")
        );
    }
}
