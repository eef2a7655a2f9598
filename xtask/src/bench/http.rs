//! A keep-alive HTTP/1.1 client that costs next to nothing: one request at a time on one connection,
//! blocking, no dependencies. On two cores, whatever the load client spends the server lacks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Longer than any request may take; a server that hangs ends the benchmark instead of stalling it.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    /// The last answer, from its first byte.
    buffer: Vec<u8>,
}

/// One answer. The body is as it was sent: possibly compressed, possibly still in chunks.
#[derive(Debug)]
pub(crate) struct Answer<'b> {
    pub(crate) status: u16,
    head: &'b str,
    body: &'b [u8],
}

impl Connection {
    /// Connects to `http://host:port`.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let host = address.strip_prefix("http://").with_context(|| format!("{address} is not an http address"))?;
        let stream = TcpStream::connect(host).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and waits for its whole answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).context("cannot send a request")?;
        self.buffer.clear();
        let mut chunk = [0; 16 * 1024];
        let frame = loop {
            let read = self.stream.read(&mut chunk).context("no answer")?;
            ensure!(read > 0, "the server closed the connection before its answer was whole");
            self.buffer.extend_from_slice(&chunk[..read]);
            if let Some(frame) = Frame::of(&self.buffer)? {
                break frame;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..frame.head_bytes]).context("a header is not text")?;
        Ok(Answer { status: frame.status, head, body: &self.buffer[frame.head_bytes..] })
    }
}

impl Answer<'_> {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// Fails unless the request was answered with 200.
    pub(crate) fn ok(self) -> Result<Self> {
        ensure!(self.status == 200, "the server answered {}: {}", self.status, String::from_utf8_lossy(self.body));
        Ok(self)
    }

    /// The body of an answer that was asked for without compression.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        ensure!(self.header("content-encoding").is_none(), "the answer is compressed");
        let body = match self.header("transfer-encoding") {
            Some(_) => unchunk(self.body)?.context("the answer was whole before")?.0,
            None => self.body.to_vec(),
        };
        serde_json::from_slice(&body).context("the answer is not JSON")
    }

    /// Bytes on the wire, headers included.
    pub(crate) fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// Where the parts of an answer end.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    status: u16,
    head_bytes: usize,
}

impl Frame {
    /// `None` while the answer is not whole.
    fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(head_bytes) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else { return Ok(None) };
        let head = std::str::from_utf8(&bytes[..head_bytes]).context("a header is not text")?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not an HTTP answer: {head:?}"))?;
        let body = &bytes[head_bytes..];
        let whole = match (header(head, "content-length"), header(head, "transfer-encoding")) {
            (Some(length), None) => {
                let length: usize = length.parse().with_context(|| format!("a content-length of {length:?}"))?;
                ensure!(body.len() <= length, "more came than was announced");
                body.len() == length
            }
            (None, Some("chunked")) => match unchunk(body)? {
                Some((_, used)) => {
                    ensure!(used == body.len(), "more came than was announced");
                    true
                }
                None => false,
            },
            other => bail!("an answer whose length is told by {other:?}"),
        };
        Ok(whole.then_some(Self { status, head_bytes }))
    }
}

/// The content of a chunked body and how many bytes it took; `None` while it is not whole.
fn unchunk(mut bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let total = bytes.len();
    let mut content = Vec::new();
    loop {
        let Some(line) = find(bytes, b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&bytes[..line]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size = size.context("a chunk has no size")?;
        let start = line + 2;
        let Some(chunk) = bytes.get(start..start + size + 2) else { return Ok(None) };
        ensure!(chunk.ends_with(b"\r\n"), "a chunk is longer than its size");
        content.extend_from_slice(&chunk[..size]);
        bytes = &bytes[start + size + 2..];
        if size == 0 {
            return Ok(Some((content, total - bytes.len())));
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        let check = |text: &str, expect: Option<u16>| {
            let frame = Frame::of(text.as_bytes()).expect("a valid beginning");
            assert_eq!(frame.map(|frame| frame.status), expect, "{text:?}");
        };
        check("HTTP/1.1 200 OK\r\ncontent-le", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Some(200));
        check("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", Some(503));
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", None);
        check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Some(200));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert!(Frame::of(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn chunks_become_one_body() {
        let (content, used) = unchunk(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n").expect("valid").expect("whole");
        assert_eq!((content.as_slice(), used), (&b"abc0123456789"[..], 28));
    }
}
