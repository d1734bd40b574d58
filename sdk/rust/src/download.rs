//! Reads an object's bytes as a stream. Invariant: a stream that ends without an error brought every byte that the
//! header promised.

use std::io;
use std::ops::{Bound, Range, RangeBounds};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};
use model::{ObjectPath, RepositoryName};
use proto::api::{InvalidField, Reason};
use proto::generated::api as wire;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;
use tonic::{Code, Streaming};
use wire::get_object_response::Part;

use crate::error::required;
use crate::{Error, Lakebed, Object};

/// An object on its way.
pub struct Download {
    /// The object.
    pub object: Object,
    /// Which of its bytes follow.
    pub range: Range<u64>,
    /// They.
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}

impl Download {
    /// The body as a reader.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin {
        StreamReader::new(self.body.map_err(io::Error::other))
    }

    /// The whole body in memory.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.body.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl Lakebed {
    /// Reads an object, or a range of it (`..` for all). The range must begin inside the object; its end is cut to the
    /// object's.
    pub async fn download(
        &self,
        repository: &RepositoryName,
        reference: &str,
        path: &ObjectPath,
        range: impl RangeBounds<u64>,
    ) -> Result<Download, Error> {
        let request = wire::GetObjectRequest {
            repository: repository.to_string(),
            r#ref: reference.to_owned(),
            path: path.to_string(),
            range: to_wire(&range),
        };
        let mut parts = self.objects().get(request).await?.into_inner();
        let Some(Part::Header(header)) = parts.message().await?.and_then(|message| message.part) else {
            return Err(InvalidField::new("header", "missing").into());
        };
        let range = header.start..header.end;
        let object = required(header.object, "object")?.try_into()?;
        Ok(Download { object, body: body(parts, range.end.saturating_sub(range.start)), range })
    }
}

fn body(parts: Streaming<wire::GetObjectResponse>, left: u64) -> BoxStream<'static, Result<Bytes, Error>> {
    try_unfold((parts, left), async |(mut parts, left)| {
        let chunk = match parts.message().await?.map(|message| message.part) {
            Some(Some(Part::Chunk(chunk))) => chunk,
            Some(_) => return Err(InvalidField::new("part", "not a chunk").into()),
            None if left == 0 => return Ok(None),
            None => return Err(cut_short(left)),
        };
        let left = left.checked_sub(chunk.len() as u64);
        let left = left.ok_or_else(|| InvalidField::new("chunk", "more bytes than announced"))?;
        Ok(Some((chunk, (parts, left))))
    })
    .boxed()
}

fn cut_short(left: u64) -> Error {
    let message = format!("the download ended {left} bytes too early: try again");
    Error::local(Code::Unavailable, Reason::BodyFailed, message)
}

/// `..` is no range, since an empty object has none that begins inside it.
fn to_wire(range: &impl RangeBounds<u64>) -> Option<wire::ByteRange> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => Some(end.saturating_add(1)),
        Bound::Excluded(end) => Some(*end),
        Bound::Unbounded => None,
    };
    (start > 0 || end.is_some()).then_some(wire::ByteRange { start, end })
}
