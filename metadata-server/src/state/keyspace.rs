//! The seam over which commands and queries run: tables of ordered keys. Owns the traits and the write overlay;
//! RocksDB (`rocks`) and the in-memory maps implement the base. Invariant: who reads through a [`Transaction`] sees
//! what was written through it, and nobody else does until its [`Changes`] are committed as a whole.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use model::{Branch, Repository};

use super::StateError;

/// The tables, each a column family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Repos,
    Refs,
    Staged,
    Uploads,
    Identities,
    Settings,
    Dedup,
    Tasks,
    Jobs,
}

impl Table {
    pub(crate) const ALL: [Self; 9] = [
        Self::Repos,
        Self::Refs,
        Self::Staged,
        Self::Uploads,
        Self::Identities,
        Self::Settings,
        Self::Dedup,
        Self::Tasks,
        Self::Jobs,
    ];

    /// The name of its column family.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Repos => "repos",
            Self::Refs => "refs",
            Self::Staged => "staged",
            Self::Uploads => "uploads",
            Self::Identities => "identities",
            Self::Settings => "settings",
            Self::Dedup => "dedup",
            Self::Tasks => "tasks",
            Self::Jobs => "jobs",
        }
    }
}

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Pairs in the order of their keys.
pub(crate) type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, StateError>> + 'a>;

/// Keys from one on, up to but without another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

impl KeyRange {
    fn contains(&self, key: &[u8]) -> bool {
        self.from.as_slice() <= key && key < self.to.as_slice()
    }

    fn is_empty(&self) -> bool {
        self.from >= self.to
    }

    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(&self.from), Bound::Excluded(&self.to))
    }
}

/// Reads tables at one point in time.
pub(crate) trait Keyspace {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    fn scan<'a>(&'a self, table: Table, range: KeyRange) -> Scan<'a>;
}

/// What a transaction wrote: ranges are dropped first, then points are set or deleted.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    tables: [TableChanges; Table::ALL.len()],
}

#[derive(Debug, Default)]
pub(crate) struct TableChanges {
    /// Dropped before `points`; no point under was written earlier.
    pub(crate) dropped: Vec<KeyRange>,
    /// Set, or deleted if `None`.
    pub(crate) points: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Changes {
    pub(crate) fn into_tables(self) -> impl Iterator<Item = (Table, TableChanges)> {
        Table::ALL.into_iter().zip(self.tables)
    }
}

/// A keyspace with changes over it.
pub(crate) struct Overlay<'k> {
    pub(crate) base: &'k dyn Keyspace,
    pub(crate) changes: &'k Changes,
}

/// Reads and writes over a keyspace that stays as it is.
pub(crate) struct Transaction<'k> {
    base: &'k dyn Keyspace,
    changes: Changes,
    writes: u64,
    remembered: Option<Arc<(Repository, Branch)>>,
    /// Whether the command under way writes to repositories that take no writes.
    forced: bool,
}

impl<'k> Transaction<'k> {
    pub(crate) fn new(base: &'k dyn Keyspace) -> Self {
        Self::over(base, Changes::default())
    }

    /// Goes on from what an earlier transaction over the same keyspace wrote.
    pub(crate) fn over(base: &'k dyn Keyspace, changes: Changes) -> Self {
        Self { base, changes, writes: 0, remembered: None, forced: false }
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.forced
    }

    pub(crate) fn set_forced(&mut self, forced: bool) {
        self.forced = forced;
    }

    /// The branch of [`Self::remember`], as it is now.
    pub(crate) fn remembered(&self) -> Option<Arc<(Repository, Branch)>> {
        self.remembered.clone()
    }

    /// Remembers a branch as it was just read, until anything but staged entries is written: most commands of a batch
    /// stage on the same one, and reading it is half of their cost.
    pub(crate) fn remember(&mut self, branch: Arc<(Repository, Branch)>) {
        self.remembered = Some(branch);
    }

    pub(crate) fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.writes += 1;
        self.table_mut(table).points.insert(key, Some(value));
    }

    pub(crate) fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.writes += 1;
        self.table_mut(table).points.insert(key, None);
    }

    pub(crate) fn delete_range(&mut self, table: Table, range: KeyRange) {
        if range.is_empty() {
            return;
        }
        self.writes += 1;
        let changes = self.table_mut(table);
        changes.points.retain(|key, _| !range.contains(key));
        changes.dropped.push(range);
    }

    /// How often this was written to; tells whether a refused command kept its hands still.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    fn table_mut(&mut self, table: Table) -> &mut TableChanges {
        if table != Table::Staged {
            self.remembered = None;
        }
        &mut self.changes.tables[table as usize]
    }
}

impl Keyspace for Transaction<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Overlay { base: self.base, changes: &self.changes }.get(table, key)
    }

    fn scan<'a>(&'a self, table: Table, range: KeyRange) -> Scan<'a> {
        scan(self.base, &self.changes, table, range)
    }
}

impl Keyspace for Overlay<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let changes = &self.changes.tables[table as usize];
        if let Some(written) = changes.points.get(key) {
            return Ok(written.clone());
        }
        if changes.dropped.iter().any(|range| range.contains(key)) {
            return Ok(None);
        }
        self.base.get(table, key)
    }

    fn scan<'a>(&'a self, table: Table, range: KeyRange) -> Scan<'a> {
        scan(self.base, self.changes, table, range)
    }
}

fn scan<'a>(base: &'a dyn Keyspace, changes: &'a Changes, table: Table, range: KeyRange) -> Scan<'a> {
    if range.is_empty() {
        return Box::new(std::iter::empty());
    }
    let changes = &changes.tables[table as usize];
    let written = changes.points.range::<[u8], _>(range.bounds()).peekable();
    let base = base.scan(table, range).filter(|item| match item {
        Ok((key, _)) => !changes.dropped.iter().any(|range| range.contains(key)),
        Err(_) => true,
    });
    let base: Scan<'a> = Box::new(base);
    Box::new(Merged { base: base.peekable(), written })
}

/// The base, with what was written over it.
struct Merged<'a> {
    base: Peekable<Scan<'a>>,
    written: Peekable<btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>>,
}

impl Iterator for Merged<'_> {
    type Item = Result<Pair, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((key, value)) = self.written.peek() else { return self.base.next() };
            match self.base.peek() {
                Some(Err(_)) => return self.base.next(),
                Some(Ok((under, _))) if under < *key => return self.base.next(),
                Some(Ok((under, _))) if under == *key => {
                    self.base.next();
                }
                Some(Ok(_)) | None => {}
            }
            let pair = value.as_ref().map(|value| ((*key).clone(), value.clone()));
            self.written.next();
            if let Some(pair) = pair {
                return Some(Ok(pair));
            }
        }
    }
}

/// Tables in memory, as the in-memory store has them.
#[derive(Debug, Default)]
pub(crate) struct MapKeyspace {
    tables: [BTreeMap<Vec<u8>, Vec<u8>>; Table::ALL.len()],
}

impl MapKeyspace {
    pub(crate) fn commit(&mut self, changes: Changes) {
        for (table, changes) in changes.into_tables() {
            let map = &mut self.tables[table as usize];
            for range in changes.dropped {
                let keys: Vec<_> = map.range::<[u8], _>(range.bounds()).map(|(key, _)| key.clone()).collect();
                for key in keys {
                    map.remove(&key);
                }
            }
            for (key, value) in changes.points {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        }
    }
}

impl Keyspace for MapKeyspace {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.tables[table as usize].get(key).cloned())
    }

    fn scan<'a>(&'a self, table: Table, range: KeyRange) -> Scan<'a> {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let pairs = self.tables[table as usize].range::<[u8], _>(range.bounds());
        Box::new(pairs.map(|(key, value)| Ok((key.clone(), value.clone()))))
    }
}

#[cfg(test)]
mod tests;
