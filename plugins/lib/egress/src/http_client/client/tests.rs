//! Requests that must arrive only once.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use middleware::Host;

use super::*;
use crate::platform::Native;
use crate::wire::Progress;

fn client() -> (HttpClient, Rc<Native>) {
    let native = Rc::new(Native::new("/nonexistent", |_| {}));
    let config = ClientConfig {
        timeout_seconds: 1,
        ..ClientConfig::default()
    };
    let client = HttpClient::new(Rc::clone(&native) as Rc<dyn Platform>, &config).unwrap();
    (client, native)
}

/// Answers after `latency`, with 503 the first time; counts requests.
fn server(latency: Duration) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if stream.read(&mut [0; 1024]).unwrap_or_default() == 0 {
                continue;
            }
            let status = if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                503
            } else {
                200
            };
            std::thread::sleep(latency);
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (url, calls)
}

fn request(url: &Url, once: Option<SendOnce>) -> Request<Vec<u8>> {
    let mut request = Request::post(url.uri().clone()).body(b"x=y".to_vec()).unwrap();
    if let Some(once) = once {
        request.extensions_mut().insert(once);
    }
    request
}

#[test]
fn what_may_be_sent_once_is_sent_once_and_its_answer_waited_for() {
    let (client, native) = client();
    let once = SendOnce {
        not_after: native.now().plus(Duration::from_secs(60)),
        answer_within: Duration::from_secs(20),
    };
    for (once, latency, status, calls) in [
        (None, 0, 200, 2),
        (Some(once), 0, 503, 1),
        (Some(once), 1800, 503, 1),
    ] {
        let (url, counter) = server(Duration::from_millis(latency));
        let response = client.send(&url, &request(&url, once), client.timeout(), &|| {});
        assert_eq!(response.unwrap().status(), status, "{once:?}");
        assert_eq!(counter.load(Ordering::SeqCst), calls, "{once:?}");
    }
}

#[test]
fn after_its_time_it_is_not_sent_at_all() {
    let (client, native) = client();
    let (url, calls) = server(Duration::ZERO);
    let late = SendOnce {
        not_after: native.now(),
        answer_within: Duration::from_secs(20),
    };
    let outcome = client.send(&url, &request(&url, Some(late)), client.timeout(), &|| {});
    assert!(outcome.is_err_and(|error| error.progress() == Progress::NotSent));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}
