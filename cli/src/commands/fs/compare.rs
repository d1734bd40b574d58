//! Whether a file and an object hold the same. Owns the notes of a file's time that an object keeps: lakeFS's, in seconds,
//! so that its clients agree with these commands, and an exact one.
//! Invariant: where size and time don't settle it, only an equal hash makes two the same.
//!
//! A time settles something only if a later change is sure to leave another time. It is so if the time was some seconds ago,
//! by the clock of the machine that has the file, when an upload noted it or a download gave it to the file; git does alike
//! (its documentation of racy entries in the index says why). Clocks of two machines are never compared.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lakebed_sdk::Object;

use super::e_tag;
use super::plan::Verdict;

/// The user metadata that says when the file was changed last that an object was uploaded from, in seconds since 1970.
const CLIENT_MTIME: &str = "::lakefs::client-mtime";
/// The same in nanoseconds.
const CLIENT_MTIME_NS: &str = "::lakebed::client-mtime-ns";

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// In what steps file systems keep times, at the most: FAT's.
const STEP_MAX: Duration = Duration::from_secs(2);

/// By what a file and an object are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Size and time; the hash if the times differ.
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

    /// What is noted of an object that is made of the file: nothing if a change after `now` could leave it the same time.
    pub(super) fn notes(&self, now: SystemTime) -> BTreeMap<String, String> {
        let Some(nanos) = nanos(self.changed).filter(|_| is_settled(self.changed, now)) else { return BTreeMap::new() };
        let seconds = nanos.div_euclid(NANOS_PER_SECOND);
        let notes = [(CLIENT_MTIME, seconds), (CLIENT_MTIME_NS, nanos)];
        notes.map(|(name, time)| (name.to_owned(), time.to_string())).into()
    }
}

pub(super) fn compare(file: &FileFacts, object: &Object, by: By) -> Verdict {
    if by == By::Nothing || file.size != object.size {
        return Verdict::Differs;
    }
    if by == By::Time && file.changed == time_of(object) {
        return Verdict::Same;
    }
    if e_tag::tells_of_bytes(&object.e_tag) { Verdict::SameIfETag(object.e_tag.clone()) } else { Verdict::Differs }
}

/// The time by which a file is known to hold what an object holds: the noted one, or that of the upload.
fn time_of(object: &Object) -> SystemTime {
    let noted = |name: &str| object.metadata.get(name)?.parse::<i64>().ok();
    let nanos = noted(CLIENT_MTIME_NS).or_else(|| noted(CLIENT_MTIME)?.checked_mul(NANOS_PER_SECOND));
    let nanos = nanos.unwrap_or_else(|| object.last_modified.as_millis().saturating_mul(1_000_000));
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    let time = if nanos < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

/// The time that a downloaded file gets, by which the next comparison knows it; none if a change after `now` could leave it the
/// same time.
pub(super) fn time_for_file(object: &Object, now: SystemTime) -> Option<SystemTime> {
    Some(time_of(object)).filter(|time| is_settled(*time, now))
}

/// Returns whether a file that is changed after `now` is sure to get another time than this.
fn is_settled(time: SystemTime, now: SystemTime) -> bool {
    now.duration_since(time).is_ok_and(|age| age > STEP_MAX)
}

/// Nanoseconds since 1970; none outside the years 1678 to 2261.
fn nanos(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos().try_into().ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|nanos| -nanos),
    }
}

#[cfg(test)]
mod tests {
    use lakebed_sdk::Timestamp;

    use super::*;

    const MD5: &str = "5d41402abc4b2a76b9719d911017c592";
    const SECOND: Duration = Duration::from_secs(1);

    fn at(nanos: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(nanos)
    }

    fn file(nanos: u64) -> FileFacts {
        FileFacts { size: 5, changed: at(nanos) }
    }

    fn object(e_tag: &str, stored_ms: i64, notes: &[(&str, &str)]) -> Object {
        Object {
            path: "a".parse().unwrap(),
            size: 5,
            e_tag: e_tag.to_owned(),
            content_type: String::new(),
            last_modified: Timestamp::from_millis(stored_ms),
            metadata: notes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            headers: BTreeMap::new(),
            physical_address: String::new(),
        }
    }

    /// An object that a file was uploaded to, by clocks of the client and of the server.
    fn uploaded(file: &FileFacts, now: SystemTime, stored_ms: i64) -> Object {
        Object { metadata: file.notes(now), ..object(MD5, stored_ms, &[]) }
    }

    fn by_hash() -> Verdict {
        Verdict::SameIfETag(MD5.to_owned())
    }

    #[test]
    fn a_time_is_the_same_to_the_nanosecond() {
        let exact = [(CLIENT_MTIME, "10"), (CLIENT_MTIME_NS, "10900000001")];
        for (verdict, changed, notes, why) in [
            (Verdict::Same, 10_900_000_001, &exact[..], "the exact time"),
            (by_hash(), 10_900_000_002, &exact, "another nanosecond"),
            (by_hash(), 10_000_000_000, &exact, "the second alone, though the exact time is noted"),
            (Verdict::Same, 10_000_000_000, &exact[..1], "the second that another client noted, and gave to a file"),
            (by_hash(), 10_900_000_001, &exact[..1], "within that second it may have been changed after the upload"),
            (by_hash(), 10_900_000_000, &[(CLIENT_MTIME, "soon")], "a note that is none"),
            (Verdict::Same, 60_001_000_000, &[], "the time that a download gave it"),
            (by_hash(), 60_001_000_001, &[], "another time"),
        ] {
            assert_eq!(compare(&file(changed), &object(MD5, 60_001, notes), By::Time), verdict, "{why}");
        }
        let same = object(MD5, 60_000, &exact);
        let file = file(10_900_000_001);
        assert_eq!(compare(&file, &same, By::Hash), by_hash());
        assert_eq!(compare(&file, &same, By::Nothing), Verdict::Differs);
        assert_eq!(compare(&FileFacts { size: 6, ..file }, &same, By::Time), Verdict::Differs);
        let local = object("1f-5-17d", 60_000, &[]);
        assert_eq!(compare(&file, &local, By::Hash), Verdict::Differs, "its ETag is no hash of the bytes");
    }

    /// A file that is rewritten right after its upload may have the same size and, where times have steps, the same time.
    #[test]
    fn a_rewrite_after_the_upload_is_found_whatever_the_server_s_clock_says() {
        let fresh = file(100_000_000_000);
        for ahead_ms in [-60_000, -3_000, 0, 3_000, 60_000] {
            let stored_ms = 100_000 + ahead_ms;
            let soon = uploaded(&fresh, fresh.changed + SECOND, stored_ms + 1_000);
            assert_ne!(compare(&fresh, &soon, By::Time), Verdict::Same, "{ahead_ms}: it isn't settled");
            let later = uploaded(&fresh, fresh.changed + 3 * SECOND, stored_ms + 3_000);
            assert_eq!(compare(&fresh, &later, By::Time), Verdict::Same, "{ahead_ms}");
            let rewritten = FileFacts { changed: fresh.changed + 3 * SECOND, ..fresh };
            assert_eq!(compare(&rewritten, &later, By::Time), by_hash(), "{ahead_ms}");
        }
        let future = FileFacts { changed: fresh.changed + SECOND, ..fresh };
        assert_eq!(future.notes(fresh.changed), BTreeMap::new(), "a time that is yet to come may come again");
    }

    #[test]
    fn a_file_gets_the_time_that_is_compared_later_once_that_is_past() {
        let noted = [(CLIENT_MTIME, "10"), (CLIENT_MTIME_NS, "10000000009")];
        for object in
            [object("", 70_000, &noted), object("", 70_000, &noted[..1]), object("", 70_001, &[]), object("", -1, &[])]
        {
            let time = time_for_file(&object, at(80_000_000_000)).unwrap();
            assert_eq!(compare(&FileFacts { size: 5, changed: time }, &object, By::Time), Verdict::Same);
            assert_eq!(time_for_file(&object, time + SECOND), None, "it may be changed and keep the time");
        }
    }

    #[test]
    fn times_before_1970_and_after_nanoseconds_end_are_noted_or_left_out() {
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        let before = FileFacts { size: 5, changed: UNIX_EPOCH - Duration::from_nanos(1) };
        assert_eq!(before.notes(far).into_values().collect::<Vec<_>>(), ["-1", "-1"]);
        let beyond = FileFacts { size: 5, changed: far - 3 * SECOND };
        assert_eq!(beyond.notes(far), BTreeMap::new());
        let before = Object { metadata: before.notes(far), ..object("", 70_000, &[]) };
        assert_eq!(time_for_file(&before, far), Some(UNIX_EPOCH - Duration::from_nanos(1)));
    }
}
