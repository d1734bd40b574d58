//! Whether a file and an object hold the same. Owns the note of a file's time, which is lakeFS's so that its clients
//! agree with these commands: `::lakefs::client-mtime`, in seconds since 1970.
//! Invariant: where size and time don't settle it, only an equal hash makes two the same.

use std::fs::Metadata;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lakebed_sdk::Object;

use super::e_tag;
use super::plan::Verdict;

/// The user metadata that says when the file was changed last that an object was uploaded from.
pub(super) const CLIENT_MTIME: &str = "::lakefs::client-mtime";

/// How much older than its object a file has to be for the note to settle anything, in seconds. The note is in whole
/// seconds: a file that was uploaded right after a change may have been changed once more in the same second.
const SETTLED_S: i64 = 2;

/// By what a file and an object are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Size and noted time; the hash if the times differ.
    Time,
    /// Size and hash.
    Hash,
    /// Nothing: they are held to differ.
    Nothing,
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub(super) size: u64,
    pub(super) changed: SystemTime,
}

impl FileFacts {
    pub(super) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { size: metadata.len(), changed: metadata.modified()? })
    }

    /// The time as it is noted of an object.
    pub(super) fn note(&self) -> String {
        millis(self.changed).div_euclid(1000).to_string()
    }
}

pub(super) fn compare(file: &FileFacts, object: &Object, by: By) -> Verdict {
    if by == By::Nothing || file.size != object.size {
        return Verdict::Differs;
    }
    if by == By::Time && times_agree(file, object) {
        return Verdict::Same;
    }
    if e_tag::tells_of_bytes(&object.e_tag) { Verdict::SameIfETag(object.e_tag.clone()) } else { Verdict::Differs }
}

fn times_agree(file: &FileFacts, object: &Object) -> bool {
    let (changed, stored) = (millis(file.changed), object.last_modified.as_millis());
    match noted(object) {
        Some(noted) => changed.div_euclid(1000) == noted && stored.div_euclid(1000) - noted >= SETTLED_S,
        None => changed == stored,
    }
}

fn noted(object: &Object) -> Option<i64> {
    object.metadata.get(CLIENT_MTIME)?.parse().ok()
}

/// The time that a downloaded file gets, by which the next comparison knows it.
pub(super) fn time_for_file(object: &Object) -> SystemTime {
    let millis = match noted(object) {
        Some(seconds) => seconds.saturating_mul(1000),
        None => object.last_modified.as_millis(),
    };
    let distance = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

fn millis(time: SystemTime) -> i64 {
    let held = |millis: u128| i64::try_from(millis).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => held(since.as_millis()),
        Err(before) => -held(before.duration().as_nanos().div_ceil(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lakebed_sdk::Timestamp;

    use super::*;

    const MD5: &str = "5d41402abc4b2a76b9719d911017c592";

    fn file(millis: u64) -> FileFacts {
        FileFacts { size: 5, changed: UNIX_EPOCH + Duration::from_millis(millis) }
    }

    fn object(e_tag: &str, stored: i64, noted: Option<&str>) -> Object {
        Object {
            path: "a".parse().unwrap(),
            size: 5,
            e_tag: e_tag.to_owned(),
            content_type: String::new(),
            last_modified: Timestamp::from_millis(stored),
            metadata: noted.map(|noted| (CLIENT_MTIME.to_owned(), noted.to_owned())).into_iter().collect(),
            headers: BTreeMap::new(),
            physical_address: String::new(),
        }
    }

    #[test]
    fn times_settle_only_what_they_can() {
        let by_hash = Verdict::SameIfETag(MD5.to_owned());
        for (verdict, changed, stored, noted, why) in [
            (Verdict::Same, 10_900, 60_000, Some("10"), "the same second, long before the upload"),
            (by_hash.clone(), 11_000, 60_000, Some("10"), "another second"),
            (by_hash.clone(), 10_900, 11_999, Some("10"), "it may have been changed after the upload in that second"),
            (by_hash.clone(), 10_900, 60_000, Some("soon"), "a note that is none"),
            (Verdict::Same, 60_001, 60_001, None, "the time that a download gave it"),
            (by_hash.clone(), 60_000, 60_001, None, "another time"),
        ] {
            assert_eq!(compare(&file(changed), &object(MD5, stored, noted), By::Time), verdict, "{why}");
        }
        let same = object(MD5, 60_000, Some("10"));
        assert_eq!(compare(&file(10_000), &same, By::Hash), by_hash);
        assert_eq!(compare(&file(10_000), &same, By::Nothing), Verdict::Differs);
        assert_eq!(compare(&FileFacts { size: 6, ..file(10_000) }, &same, By::Time), Verdict::Differs);
        let local = object("1f-5-17d", 60_000, None);
        assert_eq!(compare(&file(10_000), &local, By::Hash), Verdict::Differs, "its ETag is no hash of the bytes");
    }

    #[test]
    fn a_file_gets_the_time_that_is_compared_later() {
        for object in [object("", 70_000, Some("10")), object("", 70_001, None), object("", -1, None)] {
            let file = FileFacts { size: 5, changed: time_for_file(&object) };
            assert_eq!(compare(&file, &object, By::Time), Verdict::Same);
        }
        let before = FileFacts { size: 5, changed: UNIX_EPOCH - Duration::from_millis(1) };
        assert_eq!((file(1_999).note(), before.note()), ("1".to_owned(), "-1".to_owned()));
    }
}
