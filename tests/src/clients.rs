//! The real clients. Owns where they are installed and how a script of `tests/clients/` is run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{TestServer, lakebed_binary};

/// The folder into which `tests/clients/install.sh` installed the clients.
///
/// # Panics
/// When it isn't known: these tests don't pass by being skipped.
pub fn clients_folder() -> PathBuf {
    std::env::var_os("LAKEBED_TEST_CLIENTS")
        .expect(
            "the clients aren't installed: run `make test`, or set LAKEBED_TEST_CLIENTS=$(tests/clients/install.sh)",
        )
        .into()
}

/// Runs one client's script against a fresh repository.
///
/// # Panics
/// When the script fails; shows what it printed and what the server logged.
pub fn client(server: &TestServer, script: &str) {
    client_with(server, script, &[]);
}

/// As [`client`], with more in its environment.
///
/// # Panics
/// When the script fails; shows what it printed and what the server logged.
pub fn client_with(server: &TestServer, script: &str, environment: &[(&str, &str)]) {
    let folder = clients_folder();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let repository = script.split('.').next().expect("a script has a name").replace('_', "-");
    server.lakebed_ok(&["repo", "create", &format!("lakebed://{repository}")]);
    let interpreter = match (script, Path::new(script).extension().and_then(|ending| ending.to_str())) {
        (script, Some("py")) if script.starts_with("boto3_") => folder.join("aws/bin/python"),
        ("airflow_dag.py", _) => folder.join("airflow/bin/python"),
        (script, Some("py")) if script.starts_with("lakefs_") => folder.join("rest/bin/python"),
        (_, Some("py")) => folder.join("data/bin/python"),
        (_, Some("mjs")) => "node".into(),
        _ => "bash".into(),
    };
    let output = Command::new(interpreter)
        .arg(scripts.join(script))
        .env_clear()
        .envs(server.client_environment())
        .env("LAKEBED_TEST_CLIENTS", &folder)
        .env("LAKEBED_TEST_REPOSITORY", &repository)
        .env("LAKEBED_TEST_BINARY", lakebed_binary())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .current_dir(server.folder())
        .output()
        .expect("the interpreter starts");
    assert!(
        output.status.success(),
        "{script} failed:\n{}{}\nserver:\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        server.log()
    );
}
