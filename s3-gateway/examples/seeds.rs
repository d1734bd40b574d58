//! Writes what fuzzing begins with into `fuzz/corpus/`, one folder a target.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)
    };
    for seed in graveler::fuzzing::seeds() {
        write(seed.target, &seed.name, &seed.bytes)?;
    }
    for seed in s3_gateway::protocol::fuzzing::seeds() {
        write(seed.target, &seed.name, &seed.bytes)?;
    }
    for (number, policy) in auth::fuzzing::seeds().iter().enumerate() {
        write("policy", &number.to_string(), policy.as_bytes())?;
    }
    Ok(())
}
