//! An HTTP response from the network. It is bounded, redirects are not followed, and the result is the same whether it
//! arrives at once or in pieces.
//!
//! The first byte is the size of the pieces, and the rest is what the server sends.
#![no_main]

use std::rc::Rc;

use egress::{ClientConfig, HttpClient, MAX_BODY, Url, WireError};
use fuzz::Machine;
use http::{Request, Response, header};
use libfuzzer_sys::fuzz_target;

fn receive(answer: &[u8], piece: usize) -> Result<Response<Vec<u8>>, WireError> {
    let machine = Rc::new(Machine::answering(answer, piece));
    let config = ClientConfig {
        max_retries: 0,
        ..ClientConfig::default()
    };
    let client = HttpClient::new(machine, &config).unwrap();
    let url = Url::parse("http://idcs.example/keys").unwrap();
    let request = Request::get(url.uri().clone()).body(Vec::new()).unwrap();
    client.send(&url, &request, client.timeout(), &|| {})
}

fuzz_target!(|input: &[u8]| {
    let Some((&piece, answer)) = input.split_first() else {
        return;
    };
    let at_once = receive(answer, 0);
    let in_pieces = receive(answer, usize::from(piece).max(1));
    match (at_once, in_pieces) {
        (Ok(one), Ok(other)) => {
            assert!(one.body().len() <= MAX_BODY);
            assert!(!one.status().is_redirection() || !one.headers().contains_key(header::LOCATION));
            assert_eq!((one.status(), one.headers()), (other.status(), other.headers()));
            assert_eq!(one.body(), other.body());
        }
        (Err(_), Err(_)) => {}
        (one, other) => panic!("at once: {one:?}, in pieces of {piece}: {other:?}"),
    }
});
