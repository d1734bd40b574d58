//! Makes a damaged table's checksums fit again, so that what lies behind them is tested and not they alone. For fuzzing;
//! nothing that Lakebed serves comes through here.

use super::footer::{FOOTER_BYTES, Footer};
use super::metablocks::{BLOCK_LIST, INDEX, Metaindex, PROPERTIES};
use super::stored::{self, TRAILER_BYTES};
use super::{BlockFormat, BlockHandle, SstError, Tail, TailParse};

/// Gives every block that the footer, the metaindex and the index lead to the checksum that it should have. Gives up where
/// they lead nowhere.
pub(crate) fn mend(file: &mut [u8]) {
    // What is wrong with the table is for its reader to say.
    let _ = mend_tail(file).and_then(|()| mend_data(file));
}

fn mend_tail(file: &mut [u8]) -> Result<(), SstError> {
    let size = file.len() as u64;
    let Some(footer) = file.last_chunk::<FOOTER_BYTES>() else { return Ok(()) };
    let footer = Footer::parse(footer, size)?;
    let limit = size - FOOTER_BYTES as u64;
    seal(file, footer.metaindex, footer.format);
    let metaindex = open(file, footer.metaindex, footer.format)?;
    let metaindex = Metaindex::parse(&metaindex, limit)?;
    let blocks = [footer.index, metaindex.get(INDEX), metaindex.get(PROPERTIES), metaindex.get(BLOCK_LIST)];
    blocks.into_iter().flatten().for_each(|handle| seal(file, handle, footer.format));
    Ok(())
}

fn mend_data(file: &mut [u8]) -> Result<(), SstError> {
    if let TailParse::Parsed(tail) = Tail::parse(file, file.len() as u64)? {
        (0..tail.blocks()).for_each(|block| seal(file, tail.handle(block), tail.format()));
    }
    Ok(())
}

/// A handle that was checked against the file's size lies in it.
fn seal(file: &mut [u8], handle: BlockHandle, format: BlockFormat) {
    let (start, checksum) = (handle.offset as usize, (handle.end() - 4) as usize);
    let sum = format.compute(&file[start..checksum], handle.offset);
    file[checksum..checksum + 4].copy_from_slice(&sum.to_le_bytes());
}

fn open(file: &[u8], handle: BlockHandle, format: BlockFormat) -> Result<Vec<u8>, SstError> {
    let end = handle.offset as usize + handle.size as usize + TRAILER_BYTES;
    stored::open(&file[handle.offset as usize..end], handle, format)
}
