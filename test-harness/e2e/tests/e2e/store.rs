//! One Redis for two Traefiks with separate state directories.

use std::time::{Duration, Instant};

use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::{Application, Idcs, IdcsHandle};
use harness::oic::Oic;
use harness::redis::Redis;
use serde_json::{Value, json};

use crate::support::example::{Example, ExampleBuilder, text_of};
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

/// Returns a gateway for this domain. Its own identity provider is not used.
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

/// Starts two gateways at the same time and sends them requests.
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

    // OIC no longer accepts the token. The first gateway that notices fetches a new one, and the other gateway takes
    // it.
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
    // All tokens of the domain begin with this prefix.
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
    // The next token lasts, and both gateways use it.
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
    let configuration = text_of("several-replicas/redis.conf").replace("REDIS_PASSWORD", PASSWORD);
    let Some(redis) = Redis::builder().configuration(&configuration).tls().start() else {
        return;
    };
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let machines = [(); 2].map(|()| {
        let machine = ExampleBuilder::beside("several-replicas", &idcs, &oic)
            .name("redis.example.com:6379", redis.endpoint())
            .env("STORE_SECRET", SECRET)
            .env("REDIS_PASSWORD", PASSWORD)
            .start();
        let token = idcs.client_token().mint();
        let answer = machine.get("/echo").bearer(&token).send().unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), machine.traefik.log());
        machine
    });
    let says = |number: usize, code: &str| {
        machines[number]
            .traefik
            .log()
            .contains(&format!("code={code} kind=token"))
    };
    assert_eq!(idcs.token_calls(), 1);
    assert!(
        says(0, "fetch.done") && says(1, "store.adopted"),
        "{}",
        machines[1].traefik.log()
    );
    assert_eq!(
        idcs.jwks_calls(),
        2,
        "every machine fetches the public keys itself"
    );
    assert!(
        redis.everything().starts_with("oic:{token-"),
        "{}",
        redis.everything()
    );
    for Example { traefik, .. } in &machines {
        assert!(
            !traefik.log().contains("code=store.failed") && !traefik.log().contains("code=configuration")
        );
    }
}
