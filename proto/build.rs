//! Compiles every `.proto` file under `proto/` to Rust, without protoc. Invariant: a new package needs no change
//! here, only its module in `src/lib.rs`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

const ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let mut files = Vec::new();
    collect(Path::new(ROOT), &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [ROOT])?;
    // Maps in the order of their keys, so that encodings of equal values are equal; bodies' bytes without a copy.
    tonic_prost_build::configure()
        .btree_map(".")
        .bytes(".lakebed.api.v1")
        .boxed(".lakebed.metadata.v1.Condition.require.same")
        .boxed(".lakebed.metadata.v1.Outcome.kind.job")
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
