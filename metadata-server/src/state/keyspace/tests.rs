//! Tests of `keyspace`.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Write {
    Put(Vec<u8>, u8),
    Delete(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
    Commit,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..4_u8, 1..3)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (key(), any::<u8>()).prop_map(|(key, value)| Write::Put(key, value)),
        2 => key().prop_map(Write::Delete),
        1 => (key(), key()).prop_map(|(from, to)| Write::DeleteRange(from, to)),
        1 => Just(Write::Commit),
    ]
}

fn collect(keys: &dyn Keyspace, from: &[u8], to: &[u8]) -> Vec<Pair> {
    let range = KeyRange { from: from.to_vec(), to: to.to_vec() };
    keys.scan(Table::Staged, range).map(Result::unwrap).collect()
}

proptest! {
    /// A transaction over tables reads like a plain map with the same writes, and so do the tables after its commit.
    #[test]
    fn a_transaction_reads_what_it_wrote(writes in prop::collection::vec(write(), 0..40), from in key(), to in key()) {
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut tables = MapKeyspace::default();
        for chunk in writes.split(|write| matches!(write, Write::Commit)) {
            let mut tx = Transaction::new(&tables);
            for write in chunk {
                match write.clone() {
                    Write::Put(key, value) => {
                        model.insert(key.clone(), vec![value]);
                        tx.put(Table::Staged, key, vec![value]);
                    }
                    Write::Delete(key) => {
                        model.remove(&key);
                        tx.delete(Table::Staged, key);
                    }
                    Write::DeleteRange(from, to) => {
                        model.retain(|key, _| !(from <= *key && *key < to));
                        tx.delete_range(Table::Staged, KeyRange { from, to });
                    }
                    Write::Commit => unreachable!("split there"),
                }
                let wanted: Vec<Pair> =
                    model.iter().filter(|(key, _)| from <= **key && **key < to).map(|(k, v)| (k.clone(), v.clone())).collect();
                prop_assert_eq!(collect(&tx, &from, &to), wanted);
                prop_assert_eq!(tx.get(Table::Staged, &from).unwrap(), model.get(&from).cloned());
            }
            let changes = tx.into_changes();
            tables.commit(changes);
            prop_assert_eq!(collect(&tables, &[], &[9]), model.clone().into_iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn tables_are_apart() {
    let mut tables = MapKeyspace::default();
    let mut tx = Transaction::new(&tables);
    tx.put(Table::Refs, vec![1], vec![1]);
    assert_eq!(tx.get(Table::Repos, &[1]).unwrap(), None);
    let changes = tx.into_changes();
    tables.commit(changes);
    assert_eq!(tables.get(Table::Refs, &[1]).unwrap(), Some(vec![1]));
    assert_eq!(tables.get(Table::Repos, &[1]).unwrap(), None);
}

#[test]
fn every_table_has_its_place() {
    for (at, table) in Table::ALL.into_iter().enumerate() {
        assert_eq!(table as usize, at);
    }
}
