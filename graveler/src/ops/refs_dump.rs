//! The files of a dump of refs: lists of parts, and parts of records, each named by the BLAKE3 of its content
//! (docs/formats/dumps.md). Owns their encoding; `dump` writes them and `restore` reads them. Invariant: bytes that don't
//! hash to their name, or aren't of the kind that they should be, aren't taken for a dump.

use model::{CommitId, DumpId};
use prost::Message;
use storage::StorageError;

use crate::Error;
use crate::tree::Files;

/// The encoding's version; a reader refuses others.
const VERSION: u32 = 1;
/// A part ends with the record that makes it as large.
const PART_BYTES_MAX: usize = 4 << 20;

/// A dump: what it takes to make a repository's refs anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefsDump {
    /// All commits that the refs reach.
    pub commits: DumpId,
    /// The tags.
    pub tags: DumpId,
    /// The branches, without what is uncommitted on them.
    pub branches: DumpId,
}

/// What the records of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Commit objects.
    Commits = 1,
    /// [`RefRecord`]s of tags.
    Tags = 2,
    /// [`RefRecord`]s of branches.
    Branches = 3,
}

/// A branch or tag and its commit.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RefRecord {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) commit: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    parts: Vec<Vec<u8>>,
    #[prost(uint64, tag = "3")]
    records: u64,
    #[prost(uint32, tag = "15")]
    version: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(bytes = "vec", repeated, tag = "1")]
    records: Vec<Vec<u8>>,
}

/// Writes a list, part by part.
pub(super) struct ListWriter<'a> {
    files: &'a Files,
    list: List,
    part: Part,
    part_bytes: usize,
}

impl<'a> ListWriter<'a> {
    pub(super) fn new(files: &'a Files, kind: Kind) -> Self {
        let list = List { kind: kind as u32, parts: Vec::new(), records: 0, version: VERSION };
        Self { files, list, part: Part::default(), part_bytes: 0 }
    }

    pub(super) async fn push(&mut self, record: Vec<u8>) -> Result<(), Error> {
        self.part_bytes += record.len();
        self.part.records.push(record);
        self.list.records += 1;
        if self.part_bytes >= PART_BYTES_MAX { self.end_part().await } else { Ok(()) }
    }

    pub(super) async fn push_ref(&mut self, name: &str, commit: &CommitId) -> Result<(), Error> {
        self.push(RefRecord { name: name.to_owned(), commit: commit.as_bytes().to_vec() }.encode_to_vec()).await
    }

    pub(super) async fn finish(mut self) -> Result<DumpId, Error> {
        if !self.part.records.is_empty() {
            self.end_part().await?;
        }
        write(self.files, &self.list).await
    }

    async fn end_part(&mut self) -> Result<(), Error> {
        let part = write(self.files, &std::mem::take(&mut self.part)).await?;
        self.list.parts.push(part.as_bytes().to_vec());
        self.part_bytes = 0;
        Ok(())
    }
}

/// Reads a list, part by part.
pub(super) struct ListReader<'a> {
    files: &'a Files,
    id: DumpId,
    parts: std::vec::IntoIter<DumpId>,
    records_left: u64,
}

impl<'a> ListReader<'a> {
    /// Opens a list that a caller names.
    pub(super) async fn open(files: &'a Files, id: DumpId, kind: Kind) -> Result<Self, Error> {
        let list: List = match read(files, id).await {
            Err(Error::Storage(StorageError::NotFound { .. })) => {
                let namespace = files.storage().namespace();
                return Err(Error::Invalid(format!(
                    "there is no dump {id} at {namespace}: restore into a repository whose storage namespace is that of \
                     the repository that was dumped, by the ids that the dump was answered with"
                )));
            }
            list => list?,
        };
        if list.version != VERSION {
            return Err(Error::Unsupported { file: shown(files, id), what: format!("version {}", list.version) });
        }
        if list.kind != kind as u32 {
            return Err(Error::Invalid(format!("dump {id} isn't one of {kind:?}: were the three ids mixed up?")));
        }
        let parts = list.parts.iter().map(|part| DumpId::from_slice(part)).collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|why| corrupt(files, id, why.to_string()))?.into_iter();
        Ok(Self { files, id, parts, records_left: list.records })
    }

    /// The next records; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let Some(id) = self.parts.next() else {
            return match self.records_left {
                0 => Ok(None),
                left => Err(corrupt(self.files, self.id, format!("{left} of its records aren't in its parts"))),
            };
        };
        let part: Part = match read(self.files, id).await {
            Err(Error::Storage(StorageError::NotFound { .. })) => {
                return Err(corrupt(self.files, self.id, format!("its part {id} is missing")));
            }
            part => part?,
        };
        let left = self.records_left.checked_sub(part.records.len() as u64);
        self.records_left = left.ok_or_else(|| corrupt(self.files, self.id, "its parts have more records".into()))?;
        Ok(Some(part.records))
    }

    /// What is said of a record that can't be.
    pub(super) fn corrupt(&self, why: String) -> Error {
        corrupt(self.files, self.id, why)
    }
}

async fn write(files: &Files, message: &impl Message) -> Result<DumpId, Error> {
    let bytes = message.encode_to_vec();
    let id = DumpId::from_bytes(*blake3::hash(&bytes).as_bytes());
    files.storage().put_dump(&id, bytes.into()).await?;
    Ok(id)
}

async fn read<M: Message + Default>(files: &Files, id: DumpId) -> Result<M, Error> {
    let bytes = files.storage().get_dump(&id).await?;
    if blake3::hash(&bytes).as_bytes() != id.as_bytes() {
        return Err(corrupt(files, id, "its content isn't what its name says".into()));
    }
    M::decode(bytes).map_err(|why| corrupt(files, id, why.to_string()))
}

fn corrupt(files: &Files, id: DumpId, why: String) -> Error {
    Error::Corrupt { file: shown(files, id), why }
}

fn shown(files: &Files, id: DumpId) -> String {
    format!("{}/_lakebed/dumps/{id}", files.storage().namespace())
}
