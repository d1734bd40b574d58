//! A full disk under the metadata service and the local object store: clear errors, nothing lost, and service again
//! once there is space. The disk is a small tmpfs, which takes the right to mount.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use tests::{Settings, TestServer, lakebed_binary, s3_client};

/// How long a server may take to be ready before the test is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file system of its own, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts a tmpfs, or says that this machine doesn't let us.
    fn mount(folder: &Path, megabytes: usize) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&path)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 192) else {
        eprintln!("SKIPPED: mounting a tmpfs isn't permitted here (it takes root)");
        return;
    };
    let mut server = TestServer::with(Settings { data_dir: Some(disk.0.join("data")), ..Settings::default() });
    server.lakebed_ok(&["repo", "create", "lakebed://faults"]);
    let s3 = s3_client(&server, "faults");
    let body = |n: usize| format!("{n:08}").repeat(32 * 1024); // 256 KiB
    let mut acknowledged = Vec::new();
    let mut failures = 0;
    for n in 0..4000 {
        match s3.put(&Key::from(format!("main/{n}")), body(n).into()).await {
            Ok(_) => acknowledged.push(n),
            Err(error) => {
                failures += 1;
                assert!(!matches!(error, object_store::Error::NotFound { .. }), "{error}");
                if failures == 20 {
                    break;
                }
            }
        }
    }
    assert!(failures == 20 && acknowledged.len() > 50, "the disk got full: {} written", acknowledged.len());
    // Not even an inode or a page is left for the log.
    let filler = disk.0.join("filler");
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    assert!(s3.put(&Key::from("main/full"), body(1).into()).await.is_err(), "the disk is full");
    for &n in acknowledged.iter().step_by(7) {
        assert!(
            s3.get(&Key::from(format!("main/{n}"))).await.unwrap().bytes().await.unwrap() == body(n),
            "{n} while full"
        );
    }

    // A restart doesn't find less: what is there is read, with keys that are there.
    server.kill();
    server.start_again();
    let log = server.log();
    assert!(log.contains("disk is full") && !log.contains("restore"), "{log}");
    let s3 = s3_client(&server, "faults");
    for &n in acknowledged.iter().step_by(7) {
        let got = s3.get(&Key::from(format!("main/{n}"))).await.unwrap_or_else(|e| panic!("{n} after a restart: {e}"));
        assert!(got.bytes().await.unwrap() == body(n), "{n} after a restart on a full disk");
    }
    assert!(s3.put(&Key::from("main/full"), body(1).into()).await.is_err(), "the disk is still full");

    // Space again: no restart is needed, and everything that was acknowledged is there; after a restart too.
    let _ = fs::remove_file(&filler);
    let mounted = Command::new("mount").args(["-o", "remount,size=512m"]).arg(&disk.0).status().unwrap();
    assert!(mounted.success(), "the disk grows");
    let mut healed = false;
    for attempt in 0..600 {
        healed = s3.put(&Key::from("main/healed"), body(2).into()).await.is_ok();
        if healed {
            break;
        }
        assert!(attempt < 599, "the server serves again once there is space:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(healed, "the server serves again");
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.start_again();
        }
        let s3 = s3_client(&server, "faults");
        for &n in &acknowledged {
            let got =
                s3.get(&Key::from(format!("main/{n}"))).await.unwrap_or_else(|e| panic!("{n} was acknowledged: {e}"));
            assert!(got.bytes().await.unwrap() == body(n), "{n} has other bytes");
        }
        assert!(s3.get(&Key::from("main/full")).await.is_err(), "what failed isn't there");
    }
    server.lakebed_ok(&["commit", "lakebed://faults/main", "-m", "after the disk was full"]);
    server.kill();
}

/// As where the log lies on the full disk, and with it the line that says where the server is.
#[test]
fn a_server_serves_though_it_can_print_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.toml");
    let lakebed = |args: &[&str]| {
        let mut command = Command::new(lakebed_binary());
        command.args(args).env_clear().env("LAKEBED_PROFILE_FILE", &profile).current_dir(folder.path());
        command
    };
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let run = &["run", "--listen", "127.0.0.1:0", "--data-dir", "data"];
    let mut server = lakebed(run).stdout(full()).stderr(full()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    // The profile of the first start tells the port.
    let served = loop {
        if profile.exists() && lakebed(&["repo", "create", "lakebed://trips"]).output().unwrap().status.success() {
            break true;
        }
        if server.try_wait().unwrap().is_some() || Instant::now() > deadline {
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let _ = server.kill();
    server.wait().unwrap();
    assert!(served);
}
