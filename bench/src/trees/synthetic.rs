//! A lake that looks real: tables of Parquet files partitioned by day, with entries as an upload through S3 leaves them.
//! Owns what object a number stands for; nothing is kept, so a listing of any length needs no memory.
//! Invariant: larger numbers have larger paths, and equal numbers and versions equal entries.

use std::collections::BTreeMap;
use std::fmt::Write;

use futures::stream::{self, StreamExt};
use graveler::ImportListing;
use model::{Address, Entry, ObjectPath, Timestamp};

/// Files of one day of one table.
const FILES_PER_DAY: u64 = 200;
/// Days of a month, and months and years of a table: every month has 28 days, which makes arithmetic of the calendar.
const DAYS: u64 = 28;
const MONTHS: u64 = 12;
const YEARS: u64 = 3;
/// Files of one table.
pub(crate) const FILES_PER_TABLE: u64 = FILES_PER_DAY * DAYS * MONTHS * YEARS;

/// Numbers of objects, with how often each was written.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    numbers: Numbers,
    /// Which writing of them: another version is another object at the same path.
    pub(crate) version: u64,
}

#[derive(Debug, Clone)]
enum Numbers {
    Run(std::iter::StepBy<std::ops::Range<u64>>),
    Each(std::vec::IntoIter<u64>),
}

impl Objects {
    /// All objects from one number up to another.
    pub(crate) fn run(numbers: std::ops::Range<u64>, version: u64) -> Self {
        Self { numbers: Numbers::Run(numbers.step_by(1)), version }
    }

    /// Each so manieth object of the first `of`.
    pub(crate) fn every(step: u64, of: u64, version: u64) -> Self {
        Self { numbers: Numbers::Run((0..of).step_by(step.max(1) as usize)), version }
    }

    /// So many objects anywhere among the first `of`, as a seed has it. Fewer where two fall together.
    pub(crate) fn scattered(amount: u64, of: u64, seed: u64) -> Self {
        let mut numbers: Vec<u64> = (0..amount).map(|n| mix(seed ^ n.wrapping_mul(GOLDEN)) % of).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self { numbers: Numbers::Each(numbers.into_iter()), version: seed }
    }

    /// As a listing to import.
    pub(crate) fn listing(self) -> ImportListing {
        let version = self.version;
        stream::iter(self.map(move |number| Ok((path(number), entry(number, version))))).boxed()
    }
}

impl Iterator for Objects {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match &mut self.numbers {
            Numbers::Run(run) => run.next(),
            Numbers::Each(each) => each.next(),
        }
    }
}

/// Writes an object's path after nothing else: `lake/table-0042/year=2023/month=07/day=15/part-00123-<uuid>….parquet`.
pub(crate) fn write_key(number: u64, key: &mut String) {
    let (table, in_table) = (number / FILES_PER_TABLE, number % FILES_PER_TABLE);
    let (day, file) = (in_table / FILES_PER_DAY, in_table % FILES_PER_DAY);
    let (month, day) = (day / DAYS, day % DAYS + 1);
    let (year, month) = (2022 + month / MONTHS, month % MONTHS + 1);
    let (high, low) = (mix(number), mix(number ^ GOLDEN));
    key.clear();
    write!(
        key,
        "lake/table-{table:04}/year={year}/month={month:02}/day={day:02}/part-{file:05}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}.c000.snappy.parquet",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    )
    .expect("because writing to memory can't fail");
}

/// An object's path.
pub(crate) fn path(number: u64) -> ObjectPath {
    let mut key = String::with_capacity(112);
    write_key(number, &mut key);
    key.try_into().expect("because it is short and not empty")
}

/// What one finds at an object's path.
pub(crate) fn entry(number: u64, version: u64) -> Entry {
    let seed = mix(number.wrapping_add(version.wrapping_mul(GOLDEN)));
    let (unique, tag) = ((mix(seed), mix(seed ^ 1)), (mix(seed ^ 2), mix(seed ^ 3)));
    Entry {
        address: Address::Relative(format!(
            "data/{:010x}-{:08x}/{:016x}{:016x}",
            number >> 13,
            version,
            unique.0,
            unique.1
        )),
        last_modified: Timestamp::from_millis(1_750_000_000_000 + (seed % 10_000_000_000) as i64),
        size: 1 << 20 | seed >> 36,
        e_tag: format!("{:016x}{:016x}", tag.0, tag.1),
        content_type: "application/octet-stream".into(),
        metadata: BTreeMap::new(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood, 2014): a number that looks random.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(GOLDEN);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_numbers_have_larger_paths() {
        let ends_of = [FILES_PER_DAY, FILES_PER_DAY * DAYS, FILES_PER_DAY * DAYS * MONTHS, FILES_PER_TABLE];
        for end in ends_of {
            for number in [end - 2, end - 1, end, 7 * FILES_PER_TABLE + end - 1] {
                assert!(path(number) < path(number + 1), "{number}");
            }
        }
    }

    #[test]
    fn scattered_objects_come_in_order() {
        let some: Vec<u64> = Objects::scattered(1000, 5000, 7).collect();
        assert!(some.len() > 800 && some.is_sorted() && some.iter().all(|number| *number < 5000));
    }
}
