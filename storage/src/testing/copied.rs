//! A local object store as an operator copies it, all times preserved.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// Copies a folder and all in it, and preserves when each file was changed, as `cp -a` does.
pub fn copy_store(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy's folder can be made");
    for item in fs::read_dir(from).expect("the store can be listed") {
        let item = item.expect("the store can be listed");
        let (source, target) = (item.path(), to.join(item.file_name()));
        if source.is_dir() {
            copy_store(&source, &target);
        } else {
            copy_file(&source, &target);
        }
    }
}

/// Copies until the copy is younger: file systems count time in steps of some milliseconds.
fn copy_file(from: &Path, to: &Path) {
    let made = |path: &Path| fs::metadata(path).and_then(|file| file.created()).ok().map(millis);
    loop {
        fs::copy(from, to).expect("a file of the store can be copied");
        if made(from).is_none() || made(from) != made(to) {
            break;
        }
        fs::remove_file(to).expect("the copy can be removed");
    }
    let changed = fs::metadata(from).and_then(|file| file.modified()).expect("Linux tells when a file was changed");
    File::options()
        .write(true)
        .open(to)
        .and_then(|file| file.set_modified(changed))
        .expect("the copy's time can be set");
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("files are younger than Unix").as_millis()
}
