//! How blocks are compressed. Owns the codecs' framing in the format (all but Snappy's begin with the uncompressed
//! size as a varint) and the bound on what a block may expand to.

use std::cell::RefCell;

use super::coding::{Reader, put_varint};
use super::{BLOCK_BYTES_MAX, SstError};

/// How data blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard, at a level.
    Zstd(i32),
}

const NONE: u8 = 0;
const SNAPPY: u8 = 1;
const LZ4: u8 = 4;
const LZ4_HC: u8 = 5;
const ZSTD: u8 = 7;

impl Compression {
    /// RocksDB's name of it, in the properties.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "NoCompression",
            Self::Snappy => "Snappy",
            Self::Lz4 => "LZ4",
            Self::Zstd(_) => "ZSTD",
        }
    }
}

/// Compresses blocks; keeps its buffers from one to the next.
pub(super) struct Compressor {
    compression: Compression,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Self {
        Self { compression, zstd: None, buffer: Vec::new() }
    }

    /// Returns the type and bytes to store: `content` itself where compression saves less than an eighth.
    pub(super) fn compress<'a>(&'a mut self, content: &'a [u8]) -> Result<(u8, &'a [u8]), SstError> {
        self.buffer.clear();
        let kind = match self.compression {
            Compression::None => return Ok((NONE, content)),
            Compression::Snappy => {
                self.buffer.resize(snap::raw::max_compress_len(content.len()), 0);
                let size = snap::raw::Encoder::new().compress(content, &mut self.buffer).map_err(misuse)?;
                self.buffer.truncate(size);
                SNAPPY
            }
            Compression::Lz4 => {
                put_varint(&mut self.buffer, content.len() as u64);
                let header = self.buffer.len();
                self.buffer.resize(header + lz4_flex::block::get_maximum_output_size(content.len()), 0);
                let size = lz4_flex::block::compress_into(content, &mut self.buffer[header..]).map_err(misuse)?;
                self.buffer.truncate(header + size);
                LZ4
            }
            Compression::Zstd(level) => {
                put_varint(&mut self.buffer, content.len() as u64);
                let header = self.buffer.len();
                self.buffer.resize(header + zstd::zstd_safe::compress_bound(content.len()), 0);
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    none => none.insert(zstd::bulk::Compressor::new(level).map_err(misuse)?),
                };
                let size = zstd.compress_to_buffer(content, &mut self.buffer[header..]).map_err(misuse)?;
                self.buffer.truncate(header + size);
                ZSTD
            }
        };
        let worth = self.buffer.len() < content.len() - content.len() / 8;
        Ok(if worth { (kind, &self.buffer) } else { (NONE, content) })
    }
}

/// Decompresses a block of a type.
pub(super) fn decompress(kind: u8, bytes: &[u8]) -> Result<Vec<u8>, SstError> {
    match kind {
        NONE => {
            check_size(bytes.len())?;
            Ok(bytes.to_vec())
        }
        SNAPPY => {
            let size = snap::raw::decompress_len(bytes).map_err(corrupt)?;
            expand(size, |out| snap::raw::Decoder::new().decompress(bytes, out).map_err(corrupt))
        }
        LZ4 | LZ4_HC => {
            let (size, payload) = framed(bytes)?;
            expand(size, |out| lz4_flex::block::decompress_into(payload, out).map_err(corrupt))
        }
        ZSTD => {
            let (size, payload) = framed(bytes)?;
            expand(size, |out| expand_zstd(payload, out))
        }
        2 | 3 | 6 => Err(SstError::unsupported("blocks compressed with zlib, bzip2 or Xpress")),
        _ => Err(SstError::corrupt(format!("unknown compression {kind}"))),
    }
}

/// Splits off the uncompressed size that goes before a block's compressed bytes.
fn framed(bytes: &[u8]) -> Result<(usize, &[u8]), SstError> {
    let mut reader = Reader::new(bytes);
    let size = reader.length()?;
    Ok((size, reader.take(reader.remaining())?))
}

/// Runs a decompressor into a buffer of the promised size, which it must fill.
fn expand(size: usize, run: impl FnOnce(&mut [u8]) -> Result<usize, SstError>) -> Result<Vec<u8>, SstError> {
    check_size(size)?;
    let mut out = vec![0; size];
    match run(&mut out)? {
        filled if filled == size => Ok(out),
        filled => Err(SstError::corrupt(format!("a block has {filled} bytes where {size} were promised"))),
    }
}

fn expand_zstd(payload: &[u8], out: &mut [u8]) -> Result<usize, SstError> {
    thread_local! {
        /// Kept, for making one costs more than decompressing a block.
        static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(zstd::bulk::Decompressor::new().map_err(corrupt)?),
        };
        decompressor.decompress_to_buffer(payload, out).map_err(corrupt)
    })
}

/// Refuses what would exhaust memory.
fn check_size(size: usize) -> Result<(), SstError> {
    if size > BLOCK_BYTES_MAX {
        return Err(SstError::unsupported(format!("a block of {size} bytes, more than {BLOCK_BYTES_MAX}")));
    }
    Ok(())
}

fn corrupt(error: impl std::fmt::Display) -> SstError {
    SstError::corrupt(format!("a block doesn't decompress: {error}"))
}

fn misuse(error: impl std::fmt::Display) -> SstError {
    SstError::Misuse(format!("a block doesn't compress: {error}"))
}
