//! Replaces secrets, keys and certificates in files while Traefik runs, as docs/rotation.md describes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::certificates::CertificateAuthority;
use harness::faults::Fault;
use harness::gateway::{
    BASIC_CREDENTIALS, Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, OAUTH_INTROSPECTION, default_options,
};
use harness::idcs::{Application, Idcs};
use harness::keys::{Algorithm, SigningKey};
use harness::load::{Load, get, get_with_bearer};
use harness::merge::merge;
use harness::oic::{Oic, token_hash};
use harness::redis::Redis;
use harness::traefik::{LocalPlugin, TraefikBuilder};
use harness_build::guests::Guest;
use harness_build::tools::workspace_root;
use serde_json::{Value, json};

use crate::support::{Deadline, plugin_lines};

/// A mounted Secret in the layout of the kubelet. The files are links into `..data`, which is a link to a folder with a
/// timestamp in its name. One `rename` replaces all files at once.
struct Secret(PathBuf);

impl Secret {
    fn put(&self, files: &[(&str, &str)]) {
        std::fs::create_dir_all(&self.0).unwrap();
        let data = self.0.join("..data");
        let old = std::fs::read_link(&data).ok();
        let count = std::fs::read_dir(&self.0).unwrap().count();
        let folder = format!("..2026_11_30_10_00_00.{count}{}", u8::from(old.is_some()));
        let new = tempfile::Builder::new()
            .prefix(&folder)
            .rand_bytes(9)
            .tempdir_in(&self.0)
            .unwrap()
            .keep();
        for (name, content) in files {
            std::fs::write(new.join(name), content).unwrap();
        }
        let next = self.0.join("..data_tmp");
        std::os::unix::fs::symlink(new.file_name().unwrap(), &next).unwrap();
        std::fs::rename(&next, &data).unwrap();
        for (name, _) in files {
            let link = self.0.join(name);
            if std::fs::symlink_metadata(&link).is_err() {
                std::os::unix::fs::symlink(Path::new("..data").join(name), &link).unwrap();
            }
        }
        if let Some(old) = old {
            std::fs::remove_dir_all(self.0.join(old)).unwrap();
        }
    }

    fn reference(&self, name: &str) -> String {
        format!("file:{}", self.0.join(name).display())
    }
}

/// The time, path and status of each request.
type Seen = Arc<Mutex<Vec<(Instant, &'static str, u16)>>>;

/// Clients that request these paths until they are stopped.
struct Clients {
    stop: Arc<AtomicBool>,
    seen: Seen,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Clients {
    fn of(gateway: &Gateway, paths: Vec<(&'static str, Option<String>)>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Seen::default();
        let (url, told, all) = (gateway.traefik.url(), Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                for (path, token) in &paths {
                    let (path, token) = (*path, token.clone());
                    let report = Load::to(&url)
                        .requests(32)
                        .concurrency(16)
                        .run(move |_| match &token {
                            Some(token) => get_with_bearer(path, token),
                            None => get(path),
                        });
                    assert_eq!(report.errors, 0, "{report}");
                    let mut seen = all.lock().unwrap();
                    let now = Instant::now();
                    seen.extend(report.statuses.keys().map(|status| (now, path, *status)));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            stop,
            seen,
            thread: Some(thread),
        }
    }

    /// Returns the requests for this path that were refused after `since`, with time and status.
    fn refused(&self, path: &str, since: Instant) -> Vec<(Duration, u16)> {
        let seen = self.seen.lock().unwrap();
        let refused = seen
            .iter()
            .filter(|(at, of, status)| *of == path && *at >= since && *status != 200);
        refused.map(|(at, _, status)| (*at - since, *status)).collect()
    }

    fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A secret to replace, and the requests that run meanwhile.
struct Case {
    path: &'static str,
    idcs: Idcs,
    token: Option<String>,
    secret: Secret,
    /// Returns the client as the provider knows it with these secrets, which are numbered.
    known_by: KnownBy,
    /// Returns the files that contain the secret with this number.
    files: Files,
    plugin: &'static str,
    options: Value,
}

impl Case {
    fn register(&self, numbers: &[usize]) {
        self.idcs.register((self.known_by)(numbers));
    }

    fn write(&self, number: usize) {
        let files = (self.files)(number);
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.secret.put(&files);
    }

    /// Returns the number of calls that the provider refused.
    fn refusals(&self) -> usize {
        let requests = self.idcs.requests();
        requests
            .iter()
            .filter(|request| request.status == Some(401))
            .count()
    }
}

/// The lifetime of a token in seconds. The gateway stops using it a little more than a second before it expires.
const LIFETIME: u32 = 8;

fn text(number: usize) -> String {
    format!("s3cret number {number}\n")
}

fn named(application: Application) -> KnownBy {
    Box::new(move |numbers| {
        let secrets: Vec<String> = numbers
            .iter()
            .map(|number| text(*number).trim().to_owned())
            .collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        application.clone().secrets(&secrets)
    })
}

fn key(number: usize) -> SigningKey {
    SigningKey::rsa_cached(2048, 710_000 + number).with_kid(&format!("key-{number}"))
}

type KnownBy = Box<dyn Fn(&[usize]) -> Application>;
type Files = Box<dyn Fn(usize) -> Vec<(&'static str, String)>>;

fn case(
    secret: Secret,
    path: &'static str,
    known_by: KnownBy,
    files: Files,
    plugin: &'static str,
    options: &dyn Fn(&Idcs, &Secret) -> Value,
) -> Case {
    let idcs = Idcs::builder()
        .set(|switches| {
            switches.default_ttl = LIFETIME;
            switches.jwks_public = false;
            switches.jwks_cache_header = Some("max-age=1".to_owned());
        })
        .start();
    let case = Case {
        options: options(&idcs, &secret),
        token: match plugin {
            OAUTH_CLIENT_CREDENTIALS => None,
            OAUTH_INTROSPECTION => {
                let exp = idcs.clock().now() + 3600;
                Some(idcs.opaque_token(&json!({ "sub": "jane", "exp": exp })))
            }
            _ => Some(idcs.client_token().expires_in(3600).mint()),
        },
        path,
        idcs,
        secret,
        known_by,
        files,
        plugin,
    };
    case.register(&[0]);
    case.write(0);
    case
}

fn cases(folder: &Path) -> [Case; 4] {
    let secret = |name: &str| Secret(folder.join(name));
    let one_file = || -> Files { Box::new(|number| vec![("clientSecret", text(number))]) };
    let ca = CertificateAuthority::shared().ca_pem();
    [
        case(
            secret("secret"),
            "/secret",
            named(Application::gateway()),
            one_file(),
            OAUTH_CLIENT_CREDENTIALS,
            &|idcs, secret| {
                let mut options = default_options(idcs, &ca)[OAUTH_CLIENT_CREDENTIALS].clone();
                options["clientSecret"] = json!(secret.reference("clientSecret"));
                options
            },
        ),
        case(
            secret("key"),
            "/key",
            Box::new(|numbers| {
                let keys = numbers.iter().map(|number| key(*number));
                keys.fold(Application::gateway(), |application, key| application.key(&key))
            }),
            Box::new(|number| {
                vec![
                    ("key.pem", key(number).private_pem()),
                    ("keyId", format!("key-{number}")),
                ]
            }),
            OAUTH_CLIENT_CREDENTIALS,
            &|idcs, secret| {
                let mut options = default_options(idcs, &ca)[OAUTH_CLIENT_CREDENTIALS].clone();
                merge(
                    &mut options,
                    &json!({
                        "clientSecret": null,
                        "tokenEndpointAuthMethod": "private_key_jwt",
                        "clientAssertion": { "key": secret.reference("key.pem"), "keyId": secret.reference("keyId") },
                    }),
                );
                options
            },
        ),
        case(
            secret("introspection"),
            "/introspection",
            named(Application::new("introspector", "").introspecting()),
            one_file(),
            OAUTH_INTROSPECTION,
            &|idcs, secret| {
                json!({
                    "clientConfig": { "url": idcs.introspect_url(), "tls": { "ca": ca } },
                    "clientID": "introspector",
                    "clientSecret": secret.reference("clientSecret"),
                    "maxCacheSeconds": 5,
                })
            },
        ),
        case(
            secret("keys"),
            "/keys",
            named(Application::new("keys", "")),
            one_file(),
            JWT,
            &|idcs, secret| {
                json!({
                    "jwksUrl": idcs.jwks_url(),
                    "jwksAuth": {
                        "url": idcs.token_url(), "clientID": "keys", "clientSecret": secret.reference("clientSecret"),
                    },
                    "clientConfig": { "tls": { "ca": ca } },
                    "refetchIntervalSeconds": 2,
                    "maxStaleSeconds": 3,
                })
            },
        ),
    ]
}

/// Mounts the folder with the secrets read-only into every plugin.
fn mounting(
    builder: TraefikBuilder,
    state: &Path,
    secrets: &Path,
    plugins: &[(&'static str, Guest)],
) -> TraefikBuilder {
    plugins.iter().fold(builder, |builder, (name, guest)| {
        builder.plugin(
            LocalPlugin::new(*name, guest.module_name())
                .mount(state)
                .mount(format!("{}:ro", secrets.display())),
        )
    })
}

const PLUGINS: [(&str, Guest); 4] = [
    (OAUTH_CLIENT_CREDENTIALS, Guest::OAUTH_CLIENT_CREDENTIALS),
    (OAUTH_INTROSPECTION, Guest::OAUTH_INTROSPECTION),
    (JWT, Guest::JWT),
    (BASIC_CREDENTIALS, Guest::BASIC_CREDENTIALS),
];

fn router(http: &mut Value, path: &str, plugin: &str, options: &Value) {
    let name = path.trim_start_matches('/');
    http["middlewares"][name] = json!({ "plugin": { plugin: options } });
    http["routers"][name] =
        json!({ "rule": format!("Path(`{path}`)"), "middlewares": [name], "service": "oic" });
}

fn start(http: Value, state: &Path, secrets: &Path) -> Gateway {
    let (state, secrets) = (state.to_owned(), secrets.to_owned());
    Gateway::in_front_of(Idcs::builder().tenant(9).start())
        .oic(|idcs| Oic::builder(idcs).strict(false).start())
        .plugin(OAUTH_INTROSPECTION, Guest::OAUTH_INTROSPECTION)
        .plugin(BASIC_CREDENTIALS, Guest::BASIC_CREDENTIALS)
        .state(&state.clone())
        .http(http)
        .traefik(move |traefik| mounting(traefik, &state, &secrets, &PLUGINS))
        .start()
}

#[test]
fn secrets_in_files_are_replaced_under_load_in_every_order() {
    let (state, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cases = cases(secrets.path());
    let mut http = json!({});
    for case in &cases {
        router(&mut http, case.path, case.plugin, &case.options);
    }
    let gateway = start(http, state.path(), secrets.path());
    let paths = cases.iter().map(|case| (case.path, case.token.clone())).collect();
    let clients = Clients::of(&gateway, paths);
    let rest = |seconds: f64| std::thread::sleep(Duration::from_secs_f64(seconds));
    let lifetime = f64::from(LIFETIME);
    let explain = |case: &Case, told: &[(Duration, u16)]| {
        let log = gateway.traefik.log();
        let lines: Vec<&str> = plugin_lines(&log).collect();
        format!("{}: {told:?}\n{}", case.path, lines.join("\n"))
    };
    rest(2.0);

    // The provider accepts both secrets while the file is replaced. Then it withdraws the old one.
    let begun = Instant::now();
    cases.iter().for_each(|case| case.register(&[0, 1]));
    cases.iter().for_each(|case| case.write(1));
    rest(2.0);
    cases.iter().for_each(|case| case.register(&[1]));
    rest(lifetime + 2.0);
    for case in &cases {
        let refused = clients.refused(case.path, begun);
        assert!(refused.is_empty(), "{}", explain(case, &refused));
        assert_eq!(case.refusals(), 0, "{}", explain(case, &[]));
    }

    // The provider changes first, long before the file. After the file has changed, it takes a moment until requests
    // succeed.
    cases.iter().for_each(|case| case.idcs.forget_records());
    cases.iter().for_each(|case| case.register(&[2]));
    rest(lifetime + 1.0);
    let refusals: Vec<usize> = cases.iter().map(Case::refusals).collect();
    cases.iter().for_each(|case| case.write(2));
    let changed = Instant::now();
    rest(2.5);
    for (case, refusals) in cases.iter().zip(&refusals) {
        let late = clients.refused(case.path, changed + Duration::from_secs(2));
        assert!(late.is_empty(), "{}", explain(case, &late));
        assert!(*refusals > 0, "{}: the provider was not called", case.path);
        assert!(*refusals <= 8, "{}: {refusals}", case.path);
    }
    let settled = Instant::now();
    rest(lifetime + 2.0);
    for case in &cases {
        let refused = clients.refused(case.path, settled);
        assert!(refused.is_empty(), "{}", explain(case, &refused));
    }

    // The file changes first. The gateway continues to use the token that it fetched with the old secret. The file
    // changes right after such a fetch, so the token stays valid long enough.
    for case in &cases[..2] {
        let issued = case.idcs.tokens_issued().len();
        let deadline = Deadline::after(Duration::from_secs(2 * u64::from(LIFETIME)));
        while case.idcs.tokens_issued().len() == issued {
            deadline.pause("a token that was fetched just now");
        }
        // It is on its way to the gateway, and then to the state directory.
        rest(0.5);
        let begun = Instant::now();
        case.write(3);
        rest(2.5);
        let refused = clients.refused(case.path, begun);
        assert!(refused.is_empty(), "{}", explain(case, &refused));
    }
    cases[2..].iter().for_each(|case| case.write(3));
    rest(lifetime);
    cases.iter().for_each(|case| case.register(&[3]));
    let changed = Instant::now();
    rest(13.0);
    for case in &cases {
        let late = clients.refused(case.path, changed + Duration::from_secs(11));
        assert!(late.is_empty(), "{}", explain(case, &late));
    }
    clients.stop();
    let log = gateway.traefik.log();
    assert!(
        plugin_lines(&log)
            .any(|line| line.contains("code=configuration.reread plugin=oAuthClientCredentials"))
    );
    assert!(!log.contains("s3cret"), "{log}");
}

/// Replaces the file `oic-client-secret` in `folder` with the commands from docs/rotation.md.
fn replace_as_documented(folder: &Path, secret: &str) {
    let page = workspace_root().join("docs/rotation.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, commands) = page.split_once("```sh\n").unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    let commands = commands.replace("/etc/traefik-oic-secrets", &folder.display().to_string());
    let status = std::process::Command::new("sh")
        .args(["-euc", &commands])
        .env("NEW_SECRET", secret)
        .status();
    assert!(status.unwrap().success());
}

/// Waits a few seconds at most until `is_true`. The plugins check a file every second.
fn soon(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Deadline::after(Duration::from_secs(4));
    while !is_true() {
        deadline.pause(what);
    }
}

#[test]
fn keys_certificates_and_passwords_in_files_are_replaced_too() {
    let (state, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = Secret(secrets.path().join("mounted"));
    let redis = Redis::builder().with(&["requirepass", "first password"]).start();
    let [shared, unrelated] =
        [CertificateAuthority::shared(), CertificateAuthority::unrelated()].map(|it| it.ca_pem());
    let (old, new) = (key(10), key(11));
    let put = |ca: &str, key: &SigningKey, word: &str, redis: &str| {
        secret.put(&[
            ("ca.pem", ca),
            ("public.pem", &key.public_pem()),
            ("jwks.json", &json!({ "keys": [key.jwk()] }).to_string()),
            (
                "signing",
                &format!("{word} that signs and has 32 bytes at least\n"),
            ),
            ("password", &format!("{word} password\r\n")),
            ("api-key", &format!("{word}-api-key-of-sixteen-characters\n")),
            ("redis", redis),
        ]);
    };
    put(&shared, &old, "first", "first password");
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 3).start();
    let mut http = json!({});
    let mut token_options = default_options(&idcs, "")[OAUTH_CLIENT_CREDENTIALS].clone();
    token_options["clientConfig"]["tls"]["ca"] = json!(secret.reference("ca.pem"));
    router(&mut http, "/ca", OAUTH_CLIENT_CREDENTIALS, &token_options);
    if let Some(redis) = &redis {
        // This must be a different token from the other router's, so that both routers fetch.
        token_options["endpointParams"] = json!({ "purpose": "store" });
        token_options["store"] = json!({
            "secret": "0123456789abcdef",
            "redis": { "endpoints": [redis.endpoint()], "password": secret.reference("redis") },
        });
        router(&mut http, "/store", OAUTH_CLIENT_CREDENTIALS, &token_options);
    }
    router(
        &mut http,
        "/pem",
        JWT,
        &json!({ "publicKey": secret.reference("public.pem") }),
    );
    router(
        &mut http,
        "/jwks",
        JWT,
        &json!({ "jwksFile": secret.0.join("jwks.json") }),
    );
    router(
        &mut http,
        "/hmac",
        JWT,
        &json!({ "signingSecret": secret.reference("signing") }),
    );
    router(
        &mut http,
        "/basic",
        BASIC_CREDENTIALS,
        &json!({
            "username": "oic", "password": secret.reference("password"),
            "apiKeys": [{ "name": "erp", "key": secret.reference("api-key") }],
        }),
    );
    let plain = secrets.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    replace_as_documented(&plain, "first plain");
    let options = json!({
        "username": "oic", "allowAnonymous": true,
        "password": format!("file:{}/oic-client-secret", plain.display()),
    });
    router(&mut http, "/plain", BASIC_CREDENTIALS, &options);
    let gateway = start(http, state.path(), secrets.path());
    let status = |path: &str, token: &str| gateway.get(path).bearer(token).send().unwrap().status;
    let signed = |key: &SigningKey, algorithm| {
        let token = gateway.idcs.client_token().expires_in(3600);
        token.signed_by(key, algorithm).mint()
    };
    let rsa = |key| signed(key, Algorithm::RS256);
    let hmac = |word: &str| {
        let secret = format!("{word} that signs and has 32 bytes at least");
        signed(&SigningKey::hmac(secret.as_bytes()), Algorithm::HS256)
    };
    let with_key = |word: &str| {
        let key = format!("{word}-api-key-of-sixteen-characters");
        gateway.get("/basic").header("x-api-key", &key).send().unwrap()
    };
    let sent_password = |password: &str| {
        let seen = gateway.oic.last_request().unwrap();
        let pair = STANDARD.encode(format!("oic:{password}"));
        seen.header("authorization") == Some(format!("Basic sha256:{}", token_hash(&pair)).as_str())
    };
    let token_paths = || {
        [Some("/ca"), redis.as_ref().map(|_| "/store")]
            .into_iter()
            .flatten()
    };
    for path in token_paths() {
        assert_eq!(status(path, "none"), 200, "{path}: {}", gateway.traefik.log());
    }
    assert_eq!(with_key("first").status, 200);
    assert!(sent_password("first password"));
    for path in ["/pem", "/jwks"] {
        assert_eq!(
            [status(path, &rsa(&old)), status(path, &rsa(&new))],
            [200, 401],
            "{path}"
        );
    }
    assert_eq!(
        [status("/hmac", &hmac("first")), status("/hmac", &hmac("second"))],
        [200, 401]
    );

    assert_eq!(gateway.get("/plain").send().unwrap().status, 200);
    assert!(sent_password("first plain"));
    replace_as_documented(&plain, "second plain");
    soon("the password in a plain file", || {
        gateway.get("/plain").send().unwrap().status == 200 && sent_password("second plain")
    });

    // The file now contains both authorities as a bundle. Redis accepts both passwords for a while.
    if let Some(redis) = &redis {
        redis.command(&["ACL", "SETUSER", "default", ">second password"]);
    }
    put(
        &format!("{shared}{unrelated}"),
        &new,
        "second",
        "second password\n",
    );
    soon("the new API key", || with_key("second").status == 200);
    assert!(sent_password("second password"));
    // Each instance notices on its own.
    soon("the old API key's end", || with_key("first").status == 401);
    for path in ["/pem", "/jwks"] {
        soon(path, || status(path, &rsa(&new)) == 200);
        soon(path, || status(path, &rsa(&old)) == 401);
    }
    soon("the new signing secret", || {
        status("/hmac", &hmac("second")) == 200
    });
    soon("the old one's end", || status("/hmac", &hmac("first")) == 401);
    for path in token_paths() {
        assert_eq!(status(path, "none"), 200, "{path}");
    }

    // The old password is no longer valid, and the provider presents a certificate from the other authority.
    if let Some(redis) = &redis {
        redis.command(&["ACL", "SETUSER", "default", "<first password"]);
        redis.command(&["FLUSHALL"]);
    }
    idcs.down(Fault::UntrustedCertificate);
    let calls = idcs.token_calls();
    let deadline = Deadline::after(Duration::from_secs(20));
    while idcs.token_calls() < calls + 4 {
        for path in token_paths() {
            assert_eq!(status(path, "none"), 200, "{path}: {}", gateway.traefik.log());
        }
        deadline.pause("fetches over the new certificate");
    }
    if let Some(redis) = &redis {
        soon("a token in Redis", || {
            assert_eq!(status("/store", "none"), 200);
            !redis.keys().is_empty()
        });
    }
    put(&unrelated, &new, "second", "second password");
    soon("fetches with the new authority alone", || {
        token_paths().all(|path| status(path, "none") == 200)
    });
    let log = gateway.traefik.log();
    let failed: Vec<&str> = plugin_lines(&log)
        .filter(|line| line.contains("code=store.") && !line.contains("code=store.adopted"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");

    // If a file is deleted, the old content stays in use and the log names the file.
    std::fs::remove_file(secret.0.join("public.pem")).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    // Not every instance has that content. An instance that served no request between the two changes continues with
    // what it read before them, and an instance that Traefik has just started refuses requests.
    soon("the content that was read last", || {
        status("/pem", &rsa(&new)) == 200
    });
    soon("a word in the log", || {
        let log = gateway.traefik.log();
        plugin_lines(&log)
            .any(|line| line.contains("code=configuration.not_reread plugin=jwt option=publicKey"))
    });
}
