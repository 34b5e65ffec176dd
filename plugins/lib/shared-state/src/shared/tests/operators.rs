//! What operators read in the log, and what clients are told, for each way in which a fetch can fail.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use egress::platform::{DirectoryError, Native, SocketError};
use egress::wire::{Protocol, Step};
use egress::{ClientConfig, HttpClient, Platform, WireError};
use middleware::{Event, Problem, Reply};

use crate::shared::failure::{Cause, Failure};
use crate::shared::fetch_error::FetchError;
use crate::shared::resource::Exchange;
use crate::shared::test_resource::TestResource;
use crate::shared::view::Shared;
use crate::state::{Lease, Observer, Seal, StateName};

/// What one request leads to.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The log, without the fields `kind`, `url` and `ms`.
    log: Vec<String>,
    cause: Cause,
    reason: &'static str,
    status: u16,
    retry_after: Option<String>,
}

/// Makes one request whose fetch fails with `error`. If `another_fetches`, another instance holds the lease and nobody
/// may wait.
fn seen(error: FetchError, another_fetches: bool) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    let lines = Rc::clone(&log);
    let native = Native::new(directory.path(), move |event: &Event| {
        let fields = event.line().split(" kind=token url=https://idcs/");
        let line: String = fields.collect();
        let words = line.split(' ').filter(|word| !word.starts_with("ms="));
        lines.borrow_mut().push(words.collect::<Vec<_>>().join(" "));
    });
    let platform: Rc<dyn Platform> = Rc::new(native);
    let config = ClientConfig {
        max_waiting_requests: 0,
        ..ClientConfig::default()
    };
    let client = Rc::new(HttpClient::new(Rc::clone(&platform), &config).unwrap());
    let name = StateName::new("token", &[]);
    let fetch = move |_: &mut Exchange<'_>| Err(error.clone());
    let resource = TestResource {
        kind: "token",
        ..TestResource::new("https://idcs/", name, Seal::public(&[]), fetch)
    };
    let name = resource.name.as_str().to_owned();
    let lease = another_fetches.then(|| {
        let lease = Lease::try_take(&*platform, &name, &mut Observer::default());
        lease.unwrap().unwrap()
    });
    let mut shared = Shared::new(resource, Rc::clone(&platform), client);
    let failure: Failure = shared.get(platform.now()).unwrap_err();
    drop(lease);
    let reply = Reply::from(Problem::from(failure));
    let retry_after = reply.headers.iter().find(|(name, _)| *name == "Retry-After");
    let log = log.borrow().clone();
    Seen {
        log,
        cause: failure.cause(),
        reason: failure.reason().code(),
        status: reply.status,
        retry_after: retry_after.map(|(_, value)| value.clone()),
    }
}

fn unavailable(detail: &str, retry_after: Option<Duration>) -> FetchError {
    FetchError::Unavailable {
        detail: detail.to_owned(),
        retry_after,
    }
}

#[test]
fn each_failure_has_its_log_lines_and_its_answer() {
    let detail = "invalid_client".to_owned();
    let seconds = Duration::from_secs;
    let outage = |error: &str, again_in_ms: u64, reason: &str| {
        vec![
            format!("code=fetch.failed error={error:?} again_in_ms={again_in_ms}"),
            "code=breaker.opened".to_owned(),
            format!("code=request.refused reason={reason} unlogged_before=0"),
        ]
    };
    for (error, log, cause, reason, status, retry_after) in [
        (
            unavailable("status 500", None),
            outage("status 500", 250, "identity_provider_unavailable"),
            Cause::Unreachable,
            "identity_provider_unavailable",
            503,
            "1",
        ),
        (
            unavailable("status 429", Some(seconds(7))),
            outage("status 429", 7_000, "identity_provider_unavailable"),
            Cause::Unreachable,
            "identity_provider_unavailable",
            503,
            "7",
        ),
        (
            FetchError::Refused {
                detail: detail.clone(),
            },
            outage(
                "the identity provider refused the gateway's own request: invalid_client",
                10_000,
                "identity_provider_refused",
            ),
            Cause::Refused,
            "identity_provider_refused",
            502,
            "10",
        ),
        (
            FetchError::Denied { detail },
            vec![
                "code=fetch.denied error=\"the identity provider refused the caller: invalid_client\""
                    .to_owned(),
            ],
            Cause::Denied,
            "invalid_credentials",
            401,
            "30",
        ),
        (
            FetchError::Limited {
                retry_after: seconds(42),
            },
            Vec::new(),
            Cause::Limited,
            "too_many_requests",
            429,
            "42",
        ),
        (
            FetchError::GrantLost {
                detail: "log in again".to_owned(),
            },
            outage("log in again", 2_000, "user_grant_lost"),
            Cause::GrantLost,
            "user_grant_lost",
            503,
            "2",
        ),
    ] {
        let shown = format!("{error:?}");
        let expected = Seen {
            log,
            cause,
            reason,
            status,
            retry_after: Some(retry_after.to_owned()),
        };
        assert_eq!(seen(error, false), expected, "{shown}");
    }
    let crowded = Seen {
        log: vec!["code=request.refused reason=overloaded unlogged_before=0".to_owned()],
        cause: Cause::Overloaded,
        reason: "overloaded",
        status: 503,
        retry_after: Some("1".to_owned()),
    };
    assert_eq!(seen(unavailable("", None), true), crowded);
}

#[test]
fn each_failure_on_the_wire_says_in_the_log_what_happened() {
    let socket = |step, source| WireError::Socket { step, source };
    for (error, text) in [
        (
            socket(Step::WaitForNetwork, SocketError::Busy),
            "waiting for the network: another fetch of this router is still under way",
        ),
        (
            socket(Step::WaitForNetwork, SocketError::NoLock),
            "waiting for the network: no mounted directory can serve as the lock that keeps this router's instances apart",
        ),
        (
            socket(Step::LookUp, SocketError::NotFound),
            "name lookup: the host name has no address",
        ),
        (
            socket(Step::Connect, SocketError::Refused(14)),
            "connecting: connection refused: nothing listens on this port",
        ),
        (
            socket(Step::Connect, SocketError::TimedOut),
            "connecting: the deadline passed",
        ),
        (
            socket(Step::Handshake, SocketError::TimedOut),
            "TLS handshake without any answer; check that the server speaks TLS on this port: the deadline passed",
        ),
        (
            WireError::Tls("the server's certificate has expired".to_owned()),
            "TLS: the server's certificate has expired",
        ),
        (
            WireError::NoTls(Protocol::Http),
            "TLS: the server does not speak TLS on this port; it answers in HTTP: check port and scheme of the URL",
        ),
        (
            WireError::ClosedInHandshake,
            "TLS: the server closed the connection in the handshake; check that it speaks TLS on this port",
        ),
        (
            socket(Step::Send, SocketError::Broken(15)),
            "sending: the other side reset the connection",
        ),
        (
            socket(Step::Receive, SocketError::TimedOut),
            "receiving: the deadline passed",
        ),
        (
            WireError::Closed,
            "HTTP: the connection closed before the answer was complete",
        ),
        (
            WireError::NoHttp(Protocol::Tls),
            "the server does not speak HTTP on this port; it answers in TLS: check port and scheme of the URL",
        ),
        (WireError::Protocol("bad chunk".to_owned()), "HTTP: bad chunk"),
        (WireError::Excess("head"), "the answer's head is too large"),
        (
            WireError::TooLarge(egress::MAX_BODY),
            "the answer is larger than 262144 bytes",
        ),
        (
            WireError::Redirect(302),
            "the answer is a redirect (status 302), which is not followed: configure the final URL",
        ),
        (
            WireError::HostName,
            "the request cannot be built: the host is not a DNS name",
        ),
        (
            WireError::Request("its URL is wrong".to_owned()),
            "the request cannot be built: its URL is wrong",
        ),
    ] {
        let seen = seen(error.into(), false);
        assert_eq!(
            seen.log.first(),
            Some(&format!("code=fetch.failed error={text:?} again_in_ms=250"))
        );
        assert_eq!((seen.cause, seen.status), (Cause::Unreachable, 503), "{text}");
    }
    let uncounted = FetchError::from(DirectoryError::Full);
    assert_eq!(
        uncounted.to_string(),
        "calls cannot be counted, so none is made: the state directory's file system is full"
    );
}
