//! The integers of the format: little-endian fixed ones and varints. Owns their encoding and a bounds-checked reader.

use super::SstError;

/// Appends a varint of 7 bits a byte, low bits first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed varint (zigzag).
pub(super) fn put_signed_varint(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads from the front of a slice; what is missing is a corruption.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], SstError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(cut_short)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], SstError> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(cut_short)?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, SstError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, SstError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, SstError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a varint of at most 64 bits.
    pub(super) fn varint(&mut self) -> Result<u64, SstError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(SstError::corrupt("an integer of more than 64 bits"))
    }

    /// Takes a varint that counts bytes of what follows or goes before, so it has 32 bits.
    pub(super) fn length(&mut self) -> Result<usize, SstError> {
        let value = self.varint()?;
        u32::try_from(value)
            .map(|length| length as usize)
            .map_err(|_| SstError::corrupt("a length of more than 32 bits"))
    }

    pub(super) fn signed_varint(&mut self) -> Result<i64, SstError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Takes bytes that follow their length.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], SstError> {
        let length = self.length()?;
        self.take(length)
    }
}

fn cut_short() -> SstError {
    SstError::corrupt("a field reaches behind the end")
}
