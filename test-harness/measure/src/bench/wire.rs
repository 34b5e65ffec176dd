//! The part of HTTP/1.1 (RFC 9112) that the bench needs: finding the end of a message.

use memchr::memmem;

/// The length of a message's head, including the empty line. `None` while the head is incomplete.
pub(super) fn head_length(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    memmem::find(bytes, END).map(|at| at + END.len())
}

/// The value of the first header with this name (any case), without surrounding whitespace.
pub(super) fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        found
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.trim_ascii())
    })
}

/// The status of a response, and the length of the whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Bytes of head and body together.
    pub(super) length: usize,
}

/// Why a response cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("a response without a status line")]
    Status,
    #[error("a response without Content-Length, the only framing that the bench reads")]
    Length,
}

/// Reads the response at the start of `bytes`. `None` while its head is incomplete.
pub(super) fn response(bytes: &[u8]) -> Result<Option<Response>, WireError> {
    let Some(head_length) = head_length(bytes) else {
        return Ok(None);
    };
    let head = bytes.get(..head_length).unwrap_or_default();
    // "HTTP/1.1 200 ..."
    let status = head
        .get(9..12)
        .and_then(number)
        .and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or(WireError::Status)?;
    // RFC 9110 section 6.4.1: these never have a body.
    let body = match status {
        204 | 304 => 0,
        _ => header(head, "content-length")
            .and_then(number)
            .ok_or(WireError::Length)?,
    };
    Ok(Some(Response {
        status,
        length: head_length + body,
    }))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_where_its_length_says() {
        for (bytes, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                Ok(Some((200, 40))),
            ),
            (
                "HTTP/1.1 401 Unauthorized\r\nX: y\r\ncontent-length:0\r\n\r\n",
                Ok(Some((401, 53))),
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(Some((204, 27)))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Ok(None)),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                Err(WireError::Length),
            ),
            ("rubbish and more\r\n\r\n", Err(WireError::Status)),
            ("", Ok(None)),
        ] {
            let read = response(bytes.as_bytes()).map(|end| end.map(|end| (end.status, end.length)));
            assert_eq!(read, expected, "{bytes:?}");
        }
    }

    #[test]
    fn headers_are_found_by_name_in_any_case() {
        let head = b"GET /a/b HTTP/1.1\r\nHost: x\r\nAUTHORIZATION:  Bearer t \r\n\r\n";
        assert_eq!(header(head, "authorization"), Some(&b"Bearer t"[..]));
        assert_eq!(header(head, "auth"), None);
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        assert_eq!(
            head_length(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
            Some(18)
        );
        assert_eq!(head_length(b"GET / HTTP/1.1\r\n"), None);
    }
}
