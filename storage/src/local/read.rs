//! Streams a file out. Small ranges come in the one hop that opens the file; large ones through a pump on a thread that
//! may block, which reads ahead by a bounded channel.
//! Invariant: a reader who doesn't read holds no thread for longer than [`PARK_AFTER`].

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{Error, Extensions, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, Result};
use rustix::buffer::spare_capacity;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::at_once;
use super::failure::{STORE, blocking, failed};
use super::root::Root;
use super::write::e_tag;
use crate::store_copy::FileMade;

/// How much one system call reads.
const CHUNK_BYTES_MAX: usize = 256 << 10;

/// How many chunks wait for their reader.
const CHUNKS_AHEAD_MAX: usize = 2;

/// How long the pump waits for its reader before it gives its thread back; it goes on when the reader does.
const PARK_AFTER: Duration = Duration::from_millis(200);

pub(super) async fn get(root: &Arc<Root>, location: &Path, options: GetOptions) -> Result<GetResult> {
    let (opener, path) = (Arc::clone(root), location.clone());
    let opened = blocking(location.as_ref(), move || Opened::open(&opener, &path, options)).await??;
    let Opened { file, meta, made, range, start } = opened;
    let chunks = match start {
        Some(bytes) => at_once(bytes),
        None => pump(file, location.clone(), range.clone()),
    };
    let mut extensions = Extensions::new();
    if let Some(made) = made {
        extensions.insert(made);
    }
    Ok(GetResult { payload: GetResultPayload::Stream(chunks), meta, range, attributes: Default::default(), extensions })
}

struct Opened {
    file: File,
    meta: ObjectMeta,
    /// Not every file system tells.
    made: Option<FileMade>,
    range: Range<u64>,
    /// All that was asked for, if it is little.
    start: Option<Bytes>,
}

impl Opened {
    /// The outer error is the operating system's, the inner one says that the request doesn't fit the object.
    fn open(root: &Root, location: &Path, options: GetOptions) -> io::Result<Result<Self>> {
        let file = root.open_file(location.as_ref())?;
        let metadata = file.metadata()?;
        let (meta, made) = (object_meta(location.clone(), &metadata), metadata.created().ok().map(FileMade));
        let range = match options.check_preconditions(&meta).and_then(|()| resolve(options.range, meta.size)) {
            Ok(range) => range,
            Err(error) => return Ok(Err(error)),
        };
        let length = range.end - range.start;
        let start = if options.head {
            Some(Bytes::new())
        } else if length <= CHUNK_BYTES_MAX as u64 {
            Some(read_exact(&file, range.start, length as usize)?)
        } else {
            None
        };
        Ok(Ok(Self { file, meta, made, range, start }))
    }
}

fn resolve(range: Option<GetRange>, size: u64) -> Result<Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(range) => range.as_range(size).map_err(|e| Error::Generic { store: STORE, source: e.into() }),
    }
}

pub(super) fn object_meta(location: Path, metadata: &std::fs::Metadata) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: metadata.modified().map(Into::into).unwrap_or_default(),
        size: metadata.len(),
        e_tag: Some(e_tag(metadata)),
        version: None,
    }
}

/// Reads so many bytes; a file that ends before is an error, never a short answer.
fn read_exact(file: &File, mut at: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => at += read as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // An allocator may give more than was asked for.
    bytes.truncate(length);
    Ok(bytes.into())
}

type Chunk = io::Result<Bytes>;

/// A range of a file on its way to a reader.
struct Pump {
    file: Arc<File>,
    location: Path,
    /// What the reader has still to get.
    left: Range<u64>,
    /// Where a running pump puts its chunks.
    chunks: Option<Receiver<Chunk>>,
}

fn pump(file: File, location: Path, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    let pump = Pump { file: Arc::new(file), location, left: range, chunks: None };
    stream::unfold(pump, |mut pump| async move { pump.next().await.map(|chunk| (chunk, pump)) }).boxed()
}

impl Pump {
    /// The next chunk. Starts the pump when none is running: at first, and after it gave its thread back.
    async fn next(&mut self) -> Option<Result<Bytes>> {
        while !self.left.is_empty() {
            let chunks = self.chunks.get_or_insert_with(|| start(&self.file, self.left.clone()));
            match chunks.recv().await {
                Some(Ok(chunk)) => {
                    self.left.start += chunk.len() as u64;
                    return Some(Ok(chunk));
                }
                Some(Err(error)) => {
                    self.left = 0..0;
                    return Some(Err(failed(self.location.as_ref(), error)));
                }
                None => self.chunks = None,
            }
        }
        None
    }
}

fn start(file: &Arc<File>, range: Range<u64>) -> Receiver<Chunk> {
    let (sender, receiver) = channel(CHUNKS_AHEAD_MAX);
    let (file, runtime) = (Arc::clone(file), Handle::current());
    tokio::task::spawn_blocking(move || run(&file, range, &sender, &runtime));
    receiver
}

/// Reads and sends until the range, the reader or its patience ends. Takes a place in the channel before it reads, so
/// that it holds no chunk while it waits.
fn run(file: &File, mut left: Range<u64>, sender: &Sender<Chunk>, runtime: &Handle) {
    while !left.is_empty() {
        let place = match sender.try_reserve() {
            Ok(place) => place,
            Err(_) => match runtime.block_on(async { tokio::time::timeout(PARK_AFTER, sender.reserve()).await }) {
                Ok(Ok(place)) => place,
                _ => return,
            },
        };
        let length = (left.end - left.start).min(CHUNK_BYTES_MAX as u64);
        let chunk = read_exact(file, left.start, length as usize);
        let failed = chunk.is_err();
        place.send(chunk);
        if failed {
            return;
        }
        left.start += length;
    }
}
