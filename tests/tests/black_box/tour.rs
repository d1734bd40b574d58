//! README's tour, run word for word: what a new user pastes does what it says.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::{TestServer, clients_folder, lakebed_binary};

/// The fenced block of bash after a heading.
fn block(readme: &str, heading: &str) -> String {
    let (_, section) = readme.split_once(&format!("\n## {heading}\n")).expect("README has the section");
    let (_, block) = section.split_once("```bash\n").expect("the section has a block of bash");
    block.split_once("\n```").expect("the block ends").0.to_owned()
}

#[test]
fn the_tour_of_the_readme_works() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let tour = block(&std::fs::read_to_string(readme).unwrap(), "A tour");
    let server = TestServer::start();
    let folders = [lakebed_binary().parent().unwrap().to_owned(), clients_folder().join("aws/bin")];
    let path = format!("{}:{}:{}", folders[0].display(), folders[1].display(), std::env::var("PATH").unwrap());
    // The server wrote the profile: nothing else tells the commands where it is.
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{tour}")])
        .env_clear()
        .env("PATH", path)
        .env("HOME", server.folder())
        .env("LAKEBED_PROFILE_FILE", server.folder().join("profile.toml"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(server.folder())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\nserver:\n{}", server.log());
    let mut rest = printed.as_str();
    for expected in [
        "Created lakebed://trips at local://trips",
        "to s3://trips/main/yellow/",
        "Committed 2 changes",
        "Created lakebed://trips/fix",
        "+ yellow/three.txt\n~ yellow/two.txt\n",
        "Committed 2 changes",
        "+ yellow/three.txt\n~ yellow/two.txt\n",
        "Merged lakebed://trips/fix into lakebed://trips/main",
        "* ",
        "|\\",
        "first load",
        "Repository created",
        "Created lakebed://trips/v1",
        "one.txt",
        "three.txt",
        "two.txt",
        "two\n",
    ] {
        let at = rest.find(expected).unwrap_or_else(|| panic!("{expected:?} isn't printed in its turn:\n{printed}"));
        rest = &rest[at + expected.len()..];
    }
    assert_eq!(rest, "", "the file as it was is the last that is printed");
}
