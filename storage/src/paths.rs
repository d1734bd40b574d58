//! Every path that Lakebed writes, in one place. Owns the layout of a repository under its namespace; leaves the
//! content to others. Invariant: users' names choose the namespace and nothing under it.

use std::fmt;

use model::{Address, CommitId, DumpId, MetaRangeId, RangeId, Timestamp};
use object_store::path::Path;

use crate::StorageError;

/// The folder of all that isn't users' bytes, reserved in each namespace.
pub(crate) const RESERVED: &str = "_lakebed";

/// The folder of users' bytes.
const DATA: &str = "data";

/// The folder of what clients put into the store by themselves, until it is linked.
const GIVEN_OUT: &str = "staging";

/// The folder in the root of a local store that keeps temporary files and parts; no namespace can be there.
pub(crate) const LOCAL_RESERVED: &str = ".lakebed";

/// Where parts lie under [`LOCAL_RESERVED`] until their upload ends.
pub(crate) const LOCAL_UPLOADS: &str = "uploads";

/// An immutable object that its content names. Shown as its path in the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Immutable {
    /// Sorted entries.
    Range(RangeId),
    /// Sorted ranges.
    MetaRange(MetaRangeId),
    /// A commit object.
    Commit(CommitId),
}

impl fmt::Display for Immutable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(id) => write!(f, "{RESERVED}/ranges/{id}.sst"),
            Self::MetaRange(id) => write!(f, "{RESERVED}/metaranges/{id}.sst"),
            Self::Commit(id) => write!(f, "{RESERVED}/commits/{id}"),
        }
    }
}

/// The paths of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    prefix: Path,
}

impl Paths {
    /// `prefix` is where the namespace lies in the store.
    pub(crate) fn new(prefix: Path) -> Self {
        Self { prefix }
    }

    /// Where the namespace lies in the store.
    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    pub(crate) fn format(&self) -> Path {
        self.under(&format!("{RESERVED}/format.json"))
    }

    pub(crate) fn immutable(&self, object: &Immutable) -> Path {
        self.under(&object.to_string())
    }

    pub(crate) fn dump(&self, id: &DumpId) -> Path {
        self.under(&format!("{RESERVED}/dumps/{id}"))
    }

    pub(crate) fn commits(&self) -> Path {
        self.under(&format!("{RESERVED}/commits"))
    }

    /// Where a relative address lies that Lakebed may write: under `data/`.
    pub(crate) fn writable(&self, address: &Address) -> Result<Path, StorageError> {
        let Address::Relative(text) = address else {
            return Err(StorageError::Invalid(format!(
                "{} lies outside the repository: it is only read",
                address.as_str()
            )));
        };
        let in_data = text.strip_prefix(DATA).is_some_and(|rest| rest.starts_with('/'));
        if !in_data {
            return Err(StorageError::Invalid(format!("address {text:?} doesn't lie in {DATA}/")));
        }
        self.relative(text)
    }

    /// Where an address lies that was given out: in `staging/`, where clients write by themselves.
    pub(crate) fn given_out(&self, address: &Address) -> Result<Path, StorageError> {
        match address {
            Address::Relative(text) if is_given_out(text) => self.relative(text),
            other => Err(StorageError::Invalid(format!("address {:?} was not given out", other.as_str()))),
        }
    }

    /// Where a relative address lies that users may read: anywhere in the namespace but in the reserved folder.
    pub(crate) fn relative(&self, text: &str) -> Result<Path, StorageError> {
        let reserved = text.split('/').next() == Some(RESERVED);
        if reserved || !is_plain(text) {
            return Err(StorageError::Invalid(format!("{text:?} can't be the address of an object's bytes")));
        }
        Ok(self.under(text))
    }

    fn under(&self, relative: &str) -> Path {
        let text = format!("{}/{relative}", self.prefix);
        Path::parse(text).expect("because all parts were checked, and none is empty or dots")
    }
}

/// An address for new bytes: `partition` gathers what is written about the same time.
pub(crate) fn new_address(partition: &str, unique: u128) -> Address {
    Address::Relative(format!("{DATA}/{partition}/{unique:032x}"))
}

/// The parts of an address that was made by [`new_address`].
pub(crate) fn partition_and_unique(address: &str) -> Option<(&str, u128)> {
    let (partition, unique) = address.strip_prefix(DATA)?.strip_prefix('/')?.split_once('/')?;
    Some((partition, unique_number(unique)?))
}

/// An address to give out, with a seal that says for whom.
pub(crate) fn given_out(partition: &str, unique: u128, seal: &str) -> Address {
    Address::Relative(format!("{GIVEN_OUT}/{partition}/{unique:032x}-{seal}"))
}

/// The parts of an address that was made by [`given_out`].
pub(crate) fn given_out_parts(address: &str) -> Option<(&str, u128, &str)> {
    let (partition, name) = address.strip_prefix(GIVEN_OUT)?.strip_prefix('/')?.split_once('/')?;
    let (unique, seal) = name.split_once('-')?;
    Some((partition, unique_number(unique)?, seal))
}

fn unique_number(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    u128::from_str_radix(text, 16).ok().filter(|_| plain)
}

/// Where a batch of audit lines lies: by its day and time, unique among writers of the same moment.
pub(crate) fn audit(prefix: &Path, time: Timestamp, unique: u64) -> Path {
    let text =
        format!("{prefix}/{RESERVED}/audit/{}-{unique:016x}.jsonl", time.to_datetime().format("%Y/%m/%d/%H%M%S"));
    Path::parse(text).expect("because the prefix is a path and the rest is plain")
}

/// Where all batches of audit lines lie.
pub(crate) fn audit_folder(prefix: &Path) -> Path {
    Path::parse(format!("{prefix}/{RESERVED}/audit")).expect("because the prefix is a path and the rest is plain")
}

/// Where a store says whose it is.
pub(crate) fn store_marker(prefix: &Path) -> Path {
    Path::parse(format!("{prefix}/{RESERVED}/store.json")).expect("because the prefix is a path and the rest is plain")
}

/// Where a store says when its marker was written.
pub(crate) fn store_written(prefix: &Path) -> Path {
    let text = format!("{prefix}/{RESERVED}/store-written.json");
    Path::parse(text).expect("because the prefix is a path and the rest is plain")
}

/// A key that only a probe uses.
pub(crate) fn scratch(prefix: &Path, unique: u128) -> Path {
    let text = format!("{prefix}/{RESERVED}-probe-{unique:032x}");
    Path::parse(text).expect("because the prefix is a path and the rest is plain")
}

/// What a part of an upload to a local store is called; unique, since a number can be uploaded twice.
pub(crate) fn local_part_id(number: u32, unique: u64) -> String {
    format!("{number:05}-{unique:016x}")
}

/// The folder of an upload's parts in a local store.
pub(crate) fn local_upload(upload: &str) -> Result<Path, StorageError> {
    let plain = (1..=64).contains(&upload.len()) && upload.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain {
        return Err(StorageError::Invalid(format!("{upload:?} isn't the id of an upload")));
    }
    Ok(Path::from_iter([LOCAL_RESERVED, LOCAL_UPLOADS, upload]))
}

/// The file of an upload's part in a local store.
pub(crate) fn local_part(upload: &str, part: &str) -> Result<Path, StorageError> {
    let folder = local_upload(upload)?;
    local_upload(part).map_err(|_| StorageError::Invalid(format!("{part:?} isn't the id of a part")))?;
    Ok(folder.join(part))
}

/// Whether a relative address is one that was given out, for somebody to write to: nothing of a ref ever lies there.
pub fn is_given_out(address: &str) -> bool {
    address.split('/').next() == Some(GIVEN_OUT)
}

/// Whether a path has a part that Lakebed keeps for itself, which no user reads.
pub(crate) fn is_reserved(text: &str) -> bool {
    text.split('/').any(|part| [RESERVED, LOCAL_RESERVED].contains(&part))
}

/// Whether a text is a path that climbs nowhere: no empty, `.` or `..` part, nothing that object stores encode.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains('\\')
        && !text.chars().any(char::is_control)
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a text is such a path but for empty parts within it, which buckets have.
pub(crate) fn is_plain_but_for_empty_parts(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty()).collect();
    is_plain(&parts.join("/")) && !text.starts_with('/') && !text.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        Paths::new(Path::from("lake/trips"))
    }

    #[test]
    fn the_layout_is_as_documented() {
        let id = "ab".repeat(32);
        assert_eq!(paths().format().as_ref(), "lake/trips/_lakebed/format.json");
        assert_eq!(paths().commits().as_ref(), "lake/trips/_lakebed/commits");
        let objects = [
            (Immutable::Range(id.parse().unwrap()), format!("lake/trips/_lakebed/ranges/{id}.sst")),
            (Immutable::MetaRange(id.parse().unwrap()), format!("lake/trips/_lakebed/metaranges/{id}.sst")),
            (Immutable::Commit(id.parse().unwrap()), format!("lake/trips/_lakebed/commits/{id}")),
        ];
        for (object, path) in objects {
            assert_eq!(paths().immutable(&object).as_ref(), path);
        }
        let dump = paths().dump(&id.parse().unwrap());
        assert_eq!(dump.as_ref(), format!("lake/trips/_lakebed/dumps/{id}"));
        let time = Timestamp::from_millis(1_795_253_405_000);
        assert_eq!(
            audit(&Path::from("lake"), time, 0xab).as_ref(),
            "lake/_lakebed/audit/2026/11/21/093005-00000000000000ab.jsonl"
        );
        assert_eq!(audit_folder(&Path::from("lake")).as_ref(), "lake/_lakebed/audit");
        assert_eq!(store_marker(&Path::from("lake")).as_ref(), "lake/_lakebed/store.json");
        assert_eq!(store_marker(&Path::ROOT).as_ref(), "_lakebed/store.json");
        assert_eq!(store_written(&Path::ROOT).as_ref(), "_lakebed/store-written.json");
        let address = new_address("p", 0xab);
        assert_eq!(address.as_str(), "data/p/000000000000000000000000000000ab");
        assert_eq!(paths().writable(&address).unwrap().as_ref(), format!("lake/trips/{}", address.as_str()));
    }

    #[test]
    fn addresses_never_leave_their_folder() {
        let climbs = ["data/../x", "/data/x", "data//x", "data/.", "../data/x", "data/a\\b", "data/\u{0}", "", "data/"];
        for bad in climbs {
            assert!(paths().relative(bad).is_err(), "{bad:?}");
            assert!(paths().writable(&Address::Relative(bad.into())).is_err(), "{bad:?}");
        }
        assert!(paths().relative("_lakebed/format.json").is_err());
        assert!(paths().relative("elsewhere/x").is_ok());
        for outside in ["elsewhere/x", "database/x", "data"] {
            assert!(paths().writable(&Address::Relative(outside.into())).is_err(), "{outside:?}");
        }
        assert!(paths().writable(&Address::Full("mem://trips/data/x".into())).is_err());
    }

    #[test]
    fn what_is_given_out_is_written_by_nobody_else() {
        let address = given_out("p", 0xab, "1f-seal");
        assert_eq!(address.as_str(), "staging/p/000000000000000000000000000000ab-1f-seal");
        assert_eq!(given_out_parts(address.as_str()), Some(("p", 0xab, "1f-seal")));
        assert_eq!(paths().given_out(&address).unwrap().as_ref(), format!("lake/trips/{}", address.as_str()));
        assert!(paths().writable(&address).is_err() && is_given_out(address.as_str()));
        let data = new_address("p", 0xab);
        assert_eq!(partition_and_unique(data.as_str()), Some(("p", 0xab)));
        assert!(paths().given_out(&data).is_err() && !is_given_out(data.as_str()));
        for bad in ["staging/p/ab-1", "staging/p", "data/p/000000000000000000000000000000ab-1", "staging/../x-1"] {
            assert_eq!(given_out_parts(bad), None, "{bad}");
        }
        assert!(paths().given_out(&Address::Relative("staging/../_lakebed/x".into())).is_err());
    }
}
