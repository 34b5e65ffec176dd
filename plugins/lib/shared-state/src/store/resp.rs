//! RESP2, the protocol of Redis: converts commands to bytes, and bytes to replies. Does no I/O.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>

/// How many bytes the answer to one batch of commands may have. The largest value that is ever fetched, sealed and in
/// base64, has two thirds of that.
pub(super) const MAX_REPLY: usize = 512 * 1024;

/// The longest line: a status, an error, a number.
const MAX_LINE: usize = 4096;

/// How deep lists may be nested.
const MAX_DEPTH: usize = 4;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A status such as `OK`.
    Status(String),
    /// An error such as `NOAUTH Authentication required.`
    Error(String),
    Number(i64),
    Bytes(Vec<u8>),
    /// No value, or no list.
    Nothing,
    List(Vec<Reply>),
}

/// The bytes are not a valid reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbage;

/// Encodes one command as a list of byte strings.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads replies that arrive in pieces. Looks at each byte once.
#[derive(Default)]
pub(super) struct Reader {
    /// The unfinished lists: how many items each still lacks, and the items it has.
    lists: Vec<(usize, Vec<Reply>)>,
}

enum Element {
    Whole(Reply),
    List(usize),
}

impl Reader {
    /// Continues with `bytes`. Returns how many of them it used, and the reply if it is complete. Otherwise call this
    /// again with the unused bytes and those that follow.
    ///
    /// # Errors
    /// [`Garbage`], also for a reply that would be longer than [`MAX_REPLY`].
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Reply>), Garbage> {
        let mut rest = bytes;
        loop {
            let done = bytes.len() - rest.len();
            let Some((element, following)) = element(rest)? else {
                return Ok((done, None));
            };
            rest = following;
            let mut reply = match element {
                Element::List(_) if self.lists.len() >= MAX_DEPTH => return Err(Garbage),
                Element::List(0) => Reply::List(Vec::new()),
                Element::List(length) => {
                    self.lists.push((length, Vec::new()));
                    continue;
                }
                Element::Whole(reply) => reply,
            };
            // The item may be the last one of its list, and that list the last item of another list.
            loop {
                let Some((missing, mut items)) = self.lists.pop() else {
                    return Ok((bytes.len() - rest.len(), Some(reply)));
                };
                items.push(reply);
                if missing > 1 {
                    self.lists.push((missing - 1, items));
                    break;
                }
                reply = Reply::List(items);
            }
        }
    }
}

/// Reads one reply. Returns it and the bytes after it, or `None` if `bytes` end within the reply.
#[cfg(test)]
pub(super) fn reply(bytes: &[u8]) -> Result<Option<(Reply, &[u8])>, Garbage> {
    let (done, reply) = Reader::default().read(bytes)?;
    Ok(reply.map(|reply| (reply, bytes.get(done..).unwrap_or_default())))
}

/// Reads the next element. Returns it and the bytes after it, or `None` if `bytes` end within the element.
fn element(bytes: &[u8]) -> Result<Option<(Element, &[u8])>, Garbage> {
    let Some((line, rest)) = line(bytes)? else {
        return Ok(None);
    };
    let (kind, text) = line.split_at_checked(1).ok_or(Garbage)?;
    let reply = match kind {
        "+" => Reply::Status(text.to_owned()),
        "-" => Reply::Error(text.to_owned()),
        ":" => Reply::Number(text.parse().map_err(|_| Garbage)?),
        "$" | "*" if text == "-1" => Reply::Nothing,
        "$" => {
            let length = length(text)?;
            let Some((value, rest)) = rest.split_at_checked(length) else {
                return Ok(None);
            };
            let Some((end, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            return match end {
                b"\r\n" => Ok(Some((Element::Whole(Reply::Bytes(value.to_vec())), rest))),
                _ => Err(Garbage),
            };
        }
        "*" => return Ok(Some((Element::List(length(text)?), rest))),
        _ => return Err(Garbage),
    };
    Ok(Some((Element::Whole(reply), rest)))
}

/// Reads the first line. Returns it without its end, and the bytes after it. A line that is not UTF-8 is garbage.
fn line(bytes: &[u8]) -> Result<Option<(&str, &[u8])>, Garbage> {
    let Some(end) = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\r') else {
        return if bytes.len() >= MAX_LINE {
            Err(Garbage)
        } else {
            Ok(None)
        };
    };
    let (line, rest) = bytes.split_at(end);
    match rest.split_first_chunk() {
        Some((b"\r\n", rest)) => Ok(Some((std::str::from_utf8(line).map_err(|_| Garbage)?, rest))),
        Some(_) => Err(Garbage),
        None => Ok(None),
    }
}

fn length(text: &str) -> Result<usize, Garbage> {
    text.parse()
        .ok()
        .filter(|length| *length <= MAX_REPLY)
        .ok_or(Garbage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_are_lists_of_byte_strings() {
        assert_eq!(
            command(&[b"SET", b"key", b"a\r\nb", b""]),
            b"*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
        );
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        for (text, expected) in [
            ("+OK\r\n", Reply::Status("OK".into())),
            ("+\r\n", Reply::Status(String::new())),
            ("-ERR no\r\n", Reply::Error("ERR no".into())),
            (":-7\r\n", Reply::Number(-7)),
            ("$5\r\na\r\nbc\r\n", bytes("a\r\nbc")),
            ("$0\r\n\r\n", bytes("")),
            ("$-1\r\n", Reply::Nothing),
            ("*-1\r\n", Reply::Nothing),
            ("*0\r\n", Reply::List(Vec::new())),
            (
                "*3\r\n$1\r\nx\r\n$-1\r\n*1\r\n:1\r\n",
                Reply::List(vec![
                    bytes("x"),
                    Reply::Nothing,
                    Reply::List(vec![Reply::Number(1)]),
                ]),
            ),
        ] {
            let whole = format!("{text}+next\r\n");
            let (read, rest) = reply(whole.as_bytes()).unwrap().unwrap();
            assert_eq!((read, rest), (expected, &b"+next\r\n"[..]), "{text:?}");
            for end in 0..text.len() {
                assert_eq!(reply(&text.as_bytes()[..end]), Ok(None), "{text:?} up to {end}");
            }
        }
    }

    #[test]
    fn a_reply_that_comes_byte_by_byte_is_read_once() {
        let text = b"*3\r\n$5\r\na\r\nbc\r\n*2\r\n:1\r\n*0\r\n$-1\r\n";
        let (whole, _) = reply(text).unwrap().unwrap();
        let (mut reader, mut unread) = (Reader::default(), Vec::new());
        let mut looked_at = 0;
        for (index, byte) in text.iter().enumerate() {
            unread.push(*byte);
            looked_at += unread.len();
            let (done, reply) = reader.read(&unread).unwrap();
            unread.drain(..done);
            assert_eq!(reply.is_some(), index + 1 == text.len(), "{index}");
            if let Some(reply) = reply {
                assert_eq!(reply, whole);
            }
        }
        // No byte is read twice: no element here has more than 11 bytes.
        assert!(looked_at <= 11 * text.len(), "{looked_at}");
        assert!(unread.is_empty());
    }

    #[test]
    fn everything_else_is_garbage_and_found_out_early() {
        let long = "+".repeat(MAX_LINE);
        let deep = "*1\r\n".repeat(10_000);
        let large = format!("${}\r\n", MAX_REPLY + 1);
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\r\n",
            "+OK\rx",
            ":\r\n",
            ":1x\r\n",
            ":99999999999999999999\r\n",
            "$\r\n",
            "$-2\r\n",
            "$+1x\r\n",
            "$1\r\nab\r\n",
            "*-2\r\n",
            "*99999999999\r\n",
            "%1\r\n",
            "\u{15}\u{3}\u{1}\0\u{2}\r\n",
            &long,
            &deep,
            &large,
        ] {
            assert_eq!(reply(text.as_bytes()), Err(Garbage), "{:.40?}", text);
        }
        assert_eq!(reply(b"+\xff\r\n"), Err(Garbage));
    }

    /// Every prefix of good replies, and every reply with one changed byte, is read, incomplete or garbage. The reader
    /// never uses more bytes than there are.
    #[test]
    fn whatever_a_stranger_sends_is_read_or_refused() {
        let good = b"*3\r\n$3\r\nabc\r\n*2\r\n:12\r\n-ERR\r\n$-1\r\n+OK\r\n";
        let mut state = 1_u32;
        for round in 0..200_000 {
            let mut bytes = good.to_vec();
            for _ in 0..=(round % 4) {
                // A generator of the Park-Miller kind is random enough.
                state = u32::try_from(u64::from(state) * 48271 % 0x7fff_ffff).unwrap();
                let place = usize::try_from(state).unwrap() % bytes.len();
                let with = b"*$:+-\r\n0123459 \xff"[usize::try_from(state >> 8).unwrap() % 16];
                match state % 3 {
                    0 => bytes[place] = with,
                    1 => bytes.insert(place, with),
                    _ => drop(bytes.remove(place)),
                }
            }
            if let Ok(Some((_, rest))) = reply(&bytes) {
                assert!(bytes.ends_with(rest) && rest.len() < bytes.len());
            }
        }
    }
}
