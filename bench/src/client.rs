//! One keep-alive HTTP/1.1 connection of the load. Owns just what the servers here answer: a status and a body with a
//! `content-length`. Written by hand since a full client's cost would stand beside the server's on the same cores.
//! Invariant: an answer that isn't 200 or 201, or whose length is wrong, is an error.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What one read takes off the socket.
const READ_BYTES: usize = 256 << 10;

/// An answer's head and the first bytes of its body fit here; a server that sends more is broken.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What follows a request's head.
#[derive(Clone)]
pub(crate) enum Body {
    /// Nothing.
    None,
    /// A few bytes, sent in one piece with the head.
    Small(Bytes),
    /// One piece, many times over.
    Repeated {
        /// The piece.
        piece: Bytes,
        /// How many times.
        times: u64,
    },
}

/// A request, signed.
pub(crate) struct Request {
    /// Request line and headers, with the empty line.
    pub(crate) head: Bytes,
    /// What follows.
    pub(crate) body: Body,
}

/// What was read when the head was.
struct Head {
    /// The body's bytes.
    length: u64,
    /// How much of the buffer is filled.
    filled: usize,
    /// Where the body begins in it.
    body_at: usize,
}

/// An open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("can't connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ_BYTES] })
    }

    /// Sends a request, reads the whole answer and drops its bytes. → how many there were
    pub(crate) async fn call(&mut self, request: &Request) -> Result<u64> {
        self.send(request).await?;
        let Head { length, filled, body_at } = self.head().await?;
        let mut left = length.checked_sub((filled - body_at) as u64).context("more bytes than were announced")?;
        while left > 0 {
            let wanted = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.stream.read(&mut self.buffer[..wanted]).await? {
                0 => bail!("the server closed the connection {left} bytes before the end of its answer"),
                read => left -= read as u64,
            }
        }
        Ok(length)
    }

    /// Sends a request and keeps the answer's bytes: for small ones.
    pub(crate) async fn fetch(&mut self, request: &Request) -> Result<Vec<u8>> {
        self.send(request).await?;
        let Head { length, filled, body_at } = self.head().await?;
        let mut body = self.buffer[body_at..filled].to_vec();
        while (body.len() as u64) < length {
            if self.stream.read_buf(&mut body).await? == 0 {
                bail!("the server closed the connection before the end of its answer");
            }
        }
        Ok(body)
    }

    async fn send(&mut self, request: &Request) -> Result<()> {
        match &request.body {
            Body::None => self.stream.write_all(&request.head).await?,
            Body::Small(bytes) => self.stream.write_all(&[&request.head[..], bytes].concat()).await?,
            Body::Repeated { piece, times } => {
                self.stream.write_all(&request.head).await?;
                for _ in 0..*times {
                    self.stream.write_all(piece).await?;
                }
            }
        }
        Ok(())
    }

    /// Reads up to the end of the head, and perhaps beyond.
    async fn head(&mut self) -> Result<Head> {
        let mut filled = 0;
        let end = loop {
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => bail!("the server closed the connection"),
                read => filled += read,
            }
            let searched = &self.buffer[..filled.min(HEAD_BYTES_MAX)];
            if let Some(at) = searched.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if filled >= HEAD_BYTES_MAX {
                bail!("the answer's head has no end");
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end]).context("the answer's head isn't text")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
        });
        if !matches!(head.get(9..12), Some("200" | "201")) {
            bail!("the server answered {}", String::from_utf8_lossy(&self.buffer[..filled]));
        }
        Ok(Head { length: length.context("no content-length")?, filled, body_at: end + 4 })
    }
}
