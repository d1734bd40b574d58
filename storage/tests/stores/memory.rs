//! The store in memory.

use std::time::{SystemTime, UNIX_EPOCH};

use storage::{StoreSettings, Stores};

use crate::suite::{self, USUAL};

#[tokio::test]
async fn memory_behaves() {
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    suite::run(&stores, USUAL).await;
}

#[tokio::test]
async fn namespaces_follow_the_store() {
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let name = "trips".parse().unwrap();
    assert_eq!(stores.default_namespace(&name, None).as_str(), "mem://trips");
    assert_eq!(stores.default_namespace(&name, Some("x1")).as_str(), "mem://trips-x1");
    assert_eq!(stores.url(), "memory:///");
}

#[tokio::test]
async fn addresses_are_unique_and_partitioned_by_age() {
    let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
    let storage = stores.repository(&"mem://trips".parse().unwrap()).unwrap();
    let addresses: Vec<String> = (0..25_000).map(|_| storage.new_address().as_str().to_owned()).collect();
    let unique: std::collections::BTreeSet<&String> = addresses.iter().collect();
    assert_eq!(unique.len(), addresses.len());
    let partitions: std::collections::BTreeSet<&str> = addresses.iter().map(|a| a.split('/').nth(1).unwrap()).collect();
    assert_eq!(partitions.len(), 3);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seconds = u64::from_str_radix(&partitions.first().unwrap()[..10], 16).unwrap();
    assert!(seconds.abs_diff(now) < 3600);
}
