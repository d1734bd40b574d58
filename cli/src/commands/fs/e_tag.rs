//! Whether a file has an ETag of S3's: the MD5 of its bytes or, of an object that was uploaded in parts, the MD5 of its
//! parts' MD5s and their number. Invariant: a file that is said to have an ETag has the bytes that it is of; one that has
//! them and isn't said to was uploaded in parts of a size that no client usually has.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};

const MIB: u64 = 1 << 20;

/// The sizes that S3 clients give to all parts but the last.
const PART_MIB: [u64; 15] = [5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024];

/// How much of a file is read at a time.
const READ_BYTES: usize = 1 << 20;

/// Returns whether an ETag has the form of those that are made of bytes.
pub(super) fn tells_of_bytes(e_tag: &str) -> bool {
    split(e_tag).is_some()
}

/// Returns whether a file has an ETag, as far as that can be told.
pub(super) async fn has_e_tag(path: &Path, e_tag: &str) -> io::Result<bool> {
    let (path, e_tag) = (path.to_owned(), e_tag.to_owned());
    tokio::task::spawn_blocking(move || has(&path, &e_tag)).await.map_err(io::Error::other)?
}

/// The digest and, of an object that was uploaded in parts, their number.
fn split(e_tag: &str) -> Option<(String, Option<u64>)> {
    let (digest, parts) = match e_tag.split_once('-') {
        Some((digest, parts)) => (digest, Some(parts.parse().ok().filter(|parts| *parts > 0)?)),
        None => (e_tag, None),
    };
    let is_md5 = digest.len() == 32 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_md5.then(|| (digest.to_ascii_lowercase(), parts))
}

fn has(path: &Path, e_tag: &str) -> io::Result<bool> {
    let Some((digest, parts)) = split(e_tag) else { return Ok(false) };
    let mut file = File::open(path)?;
    let mut whole = Md5::new();
    let mut by_parts: Vec<_> = match parts {
        Some(parts) => part_sizes(file.metadata()?.len(), parts).into_iter().map(Parts::new).collect(),
        None => Vec::new(),
    };
    if parts.is_some() && by_parts.is_empty() {
        return Ok(false);
    }
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let bytes = match file.read(&mut buffer)? {
            0 => break,
            read => &buffer[..read],
        };
        match parts {
            Some(_) => by_parts.iter_mut().for_each(|parts| parts.update(bytes)),
            None => whole.update(bytes),
        }
    }
    Ok(match parts {
        Some(_) => by_parts.into_iter().any(|parts| parts.finish() == digest),
        None => hex::encode(whole.finalize()) == digest,
    })
}

/// The usual sizes of parts by which so many bytes are so many parts.
fn part_sizes(size: u64, parts: u64) -> Vec<u64> {
    if parts == 1 {
        return vec![size.max(1)];
    }
    PART_MIB.iter().map(|mib| mib * MIB).filter(|part| size.div_ceil(*part) == parts).collect()
}

/// The MD5 of parts' MD5s.
struct Parts {
    size: u64,
    left: u64,
    part: Md5,
    all: Md5,
}

impl Parts {
    fn new(size: u64) -> Self {
        Self { size, left: size, part: Md5::new(), all: Md5::new() }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.end_part();
            }
            let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.part.update(&bytes[..taken]);
            self.left -= taken as u64;
            bytes = &bytes[taken..];
        }
    }

    fn end_part(&mut self) {
        self.all.update(self.part.finalize_reset());
        self.left = self.size;
    }

    fn finish(mut self) -> String {
        self.end_part();
        hex::encode(self.all.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn md5(bytes: &[u8]) -> Vec<u8> {
        Md5::digest(bytes).to_vec()
    }

    #[test]
    fn an_e_tag_is_told_by_the_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..17 * MIB + 3).map(|n| (n % 251) as u8).collect();
        std::fs::write(&file, &bytes).unwrap();
        let in_parts = |size: u64| {
            let parts = bytes.chunks(size as usize).map(md5).collect::<Vec<_>>();
            format!("{}-{}", hex::encode(md5(&parts.concat())), parts.len())
        };
        for mib in [5, 8, 10, 15, 16, 64] {
            assert!(has(file.path(), &in_parts(mib * MIB)).unwrap(), "{mib} MiB");
        }
        let whole = hex::encode(md5(&bytes));
        assert!(has(file.path(), &whole).unwrap() && has(file.path(), &whole.to_uppercase()).unwrap());
        for other in
            [in_parts(7 * MIB), in_parts(8 * MIB).replace("-3", "-2"), whole.replace('a', "b"), format!("{whole}-1")]
        {
            assert!(!has(file.path(), &other).unwrap(), "{other}");
        }
    }

    #[test]
    fn an_empty_file_has_e_tags_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let none = md5(b"");
        assert!(has(file.path(), &hex::encode(&none)).unwrap());
        assert!(has(file.path(), &format!("{}-1", hex::encode(md5(&none)))).unwrap());
    }

    #[test]
    fn other_stores_e_tags_tell_nothing() {
        let md5 = "5d41402abc4b2a76b9719d911017c592";
        for (e_tag, tells) in [
            (md5.to_owned(), true),
            (format!("{md5}-12"), true),
            (format!("{md5}-0"), false),
            (format!("{md5}-x"), false),
            (format!("{md5}-1-2"), false),
            ("0x8DCB".to_owned(), false),
            ("1f-5-17d".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(tells_of_bytes(&e_tag), tells, "{e_tag}");
        }
    }
}
