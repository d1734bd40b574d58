//! Many writers share an fsync: counted, not timed.

use std::sync::Arc;

use crate::support::{create_branch, create_repository, start};

const WRITERS: usize = 64;
const WRITES_EACH: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_share_fsyncs() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let store = server.store();
    create_repository(&*store).await;
    let before = server.counters();
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for write in 0..WRITES_EACH {
                create_branch(&*store, &format!("b-{writer}-{write}")).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let after = server.counters();
    let (entries, fsyncs) = (after.log_entries - before.log_entries, after.log_fsyncs - before.log_fsyncs);
    println!("{entries} entries, {fsyncs} fsyncs: {:.1} entries per fsync", entries as f64 / fsyncs as f64);
    assert_eq!(entries, (WRITERS * WRITES_EACH) as u64);
    assert!(fsyncs * 8 <= entries, "{fsyncs} fsyncs for {entries} entries");
    server.shutdown().await;
}
