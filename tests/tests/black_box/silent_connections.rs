//! Connections that say nothing, more than there are file descriptors: callers are served all the same.

use std::net::TcpStream;
use std::time::Duration;

use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use tests::{ServerProcess, TestServer, s3_client_of};

const DESCRIPTORS: u32 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_keep_no_caller_out_and_take_no_descriptor_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("HOME", folder.path().to_str().unwrap()),
        ("LAKEBED_INSTALLATION_ACCESS_KEY_ID", TestServer::ACCESS_KEY_ID),
        ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY", TestServer::SECRET_ACCESS_KEY),
    ];
    let args = ["run", "--listen", "127.0.0.1:0"];
    let server = ServerProcess::start_with_few_descriptors(DESCRIPTORS, &args, &env, folder.path(), "log").unwrap();
    let lakebed = |args: &[&str]| {
        let mut command = std::process::Command::new(tests::lakebed_binary());
        command.args(args).env_clear().envs(env).env("LAKEBED_ENDPOINT", server.endpoint());
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}\n{}", server.log());
    };
    lakebed(&["repo", "create", "lakebed://trips"]);
    let address = server.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    let mut silent = Vec::new();
    for _ in 0..3 * DESCRIPTORS {
        silent.push(TcpStream::connect_timeout(&address, Duration::from_secs(60)).unwrap());
    }
    let s3 = s3_client_of(server.endpoint(), (TestServer::ACCESS_KEY_ID, TestServer::SECRET_ACCESS_KEY), "trips");
    for n in 0..20 {
        s3.put(&Key::from(format!("main/{n}")), "x".into()).await.unwrap_or_else(|e| panic!("{e}\n{}", server.log()));
    }
    lakebed(&["commit", "lakebed://trips/main", "-m", "beside silent connections"]);
    let log = server.log();
    assert!(!log.contains("Too many open files"), "{log}");
}
