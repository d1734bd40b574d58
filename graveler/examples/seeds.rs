//! Writes what fuzzing begins with into `fuzz/corpus/`, one folder a target.

use std::path::Path;

use graveler::fuzzing::{Seed, seeds};

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for Seed { target, name, bytes } in seeds() {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
