//! Real clients, each over HTTP and over HTTPS (several upload in another shape there): a round trip on a branch with
//! odd keys, empty objects and multi-part uploads of more than 64 MiB.

use tests::{Settings, TestServer, client, client_with};

macro_rules! clients {
    ($($name:ident: $script:literal;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn over_http() {
                client(&TestServer::start(), $script);
            }

            #[test]
            fn over_https() {
                client(&TestServer::start_with_tls(), $script);
            }
        }
    )*};
}

/// Airflow's server code is in the same process, so once is enough.
#[test]
fn airflow_over_http() {
    client(&TestServer::start(), "airflow_dag.py");
}

/// The protocol makes no difference to what is asked.
#[test]
fn schemathesis_over_http() {
    client(&TestServer::start(), "schemathesis.sh");
}

/// It imports, and links what was never written.
#[test]
fn lakectl() {
    for tls in [false, true] {
        let source = tempfile::tempdir().expect("a temporary folder");
        let folder = source.path().to_str().expect("test paths are UTF-8");
        let args = ["--import-allow", &format!("file://{folder}"), "--link-without-bytes"].map(str::to_owned);
        let server = TestServer::with(Settings { tls, args: args.into(), ..Settings::default() });
        client_with(&server, "lakectl.sh", &[("LAKEBED_TEST_SOURCE", folder)]);
    }
}

/// Old clients need leave.
#[test]
fn boto3_with_version_two_over_http() {
    let args = vec!["--s3-signature-v2".to_owned()];
    client(&TestServer::with(Settings { args, ..Settings::default() }), "boto3_version_two.py");
}

clients! {
    boto3: "boto3_client.py";
    aws_cli: "aws_cli.sh";
    pyarrow: "pyarrow_dataset.py";
    s3fs: "s3fs_files.py";
    polars: "polars_frames.py";
    duckdb: "duckdb_sql.py";
    deltalake: "deltalake_race.py";
    rclone: "rclone.sh";
    s5cmd: "s5cmd.sh";
    javascript: "javascript.mjs";
    lakefs: "lakefs_client.py";
    lakefs_sdk: "lakefs_sdk_client.py";
    lakefs_spec: "lakefs_spec_frames.py";
}
