//! A server whose answer to each command a test chooses.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::resp::{self, Reply};

/// What the server does with a command.
pub(crate) enum Answer {
    Say(String),
    Hang,
    Close,
}

pub(crate) struct Scripted {
    pub(crate) endpoint: String,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

/// `+text`.
pub(crate) fn say(text: &str) -> Answer {
    Answer::Say(format!("{text}\r\n"))
}

/// The answers of a server without data.
pub(crate) fn empty(command: &str) -> Answer {
    match command.split(' ').next() {
        Some("MGET") => Answer::Say(format!(
            "*{}\r\n{}",
            command.split(' ').count() - 1,
            "$-1\r\n".repeat(command.split(' ').count() - 1)
        )),
        Some("EVAL" | "DEL") => say(":1"),
        Some("GET") => say("$-1"),
        _ => say("+OK"),
    }
}

impl Scripted {
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let (heard, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (notes, counter, answer) = (Arc::clone(&heard), Arc::clone(&connections), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let (mut stream, notes, answer) = (stream.unwrap(), Arc::clone(&notes), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut unread = Vec::new();
                    let mut chunk = [0; 1024];
                    loop {
                        let count = stream.read(&mut chunk).unwrap_or(0);
                        if count == 0 {
                            return;
                        }
                        unread.extend_from_slice(&chunk[..count]);
                        while let Some((Reply::List(words), rest)) = resp::reply(&unread).unwrap() {
                            unread = rest.to_vec();
                            let words = words.into_iter().map(|word| match word {
                                Reply::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                                other => panic!("{other:?}"),
                            });
                            let command = words.collect::<Vec<_>>().join(" ");
                            notes.lock().unwrap().push(command.clone());
                            match answer(&command) {
                                Answer::Say(text) => stream.write_all(text.as_bytes()).unwrap(),
                                Answer::Hang => {}
                                Answer::Close => return,
                            }
                        }
                    }
                });
            }
        });
        Self {
            endpoint,
            heard,
            connections,
        }
    }

    /// All commands so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
