//! Each role in a process of its own: metadata server, API server and S3 gateway serve together, with mutual TLS
//! between them and without; what would be open to others is refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use tempfile::TempDir;
use tests::{ServerProcess, TestAuthority, TestServer, lakebed_binary, s3_client_of};

const KEY: (&str, &str) = (TestServer::ACCESS_KEY_ID, TestServer::SECRET_ACCESS_KEY);
const ANY_PORT: &str = "127.0.0.1:0";

/// A folder in which the roles run, and their settings.
struct Cluster {
    folder: TempDir,
    authority: TestAuthority,
    mutual_tls: bool,
}

impl Cluster {
    fn new(mutual_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = TestAuthority::new(folder.path());
        let key = "0123456789abcdef".repeat(4);
        std::fs::write(folder.path().join("encryption.key"), key).unwrap();
        let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
        std::fs::set_permissions(folder.path().join("encryption.key"), private).unwrap();
        Self { folder, authority, mutual_tls }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn metadata(&self, listen: &str) -> ServerProcess {
        let args = ["metadata-server", "--data-dir", "metadata", "--listen", listen];
        let tls = self.tls_args(&self.authority.cert, &self.authority.key);
        let args: Vec<&str> = args.into_iter().chain(tls.iter().map(String::as_str)).collect();
        ServerProcess::start(&args, &[], self.path(), "metadata.log").unwrap()
    }

    /// Starts an API server or a gateway.
    fn stateless(&self, role: &str, metadata: &str) -> Result<ServerProcess, String> {
        self.stateless_at(role, metadata, "objects")
    }

    /// The same over an object store of this name.
    fn stateless_at(&self, role: &str, metadata: &str, objects: &str) -> Result<ServerProcess, String> {
        let object_store = format!("file://{}", self.path().join(objects).display());
        let mut args = vec![role, "--data-dir", role, "--listen", ANY_PORT, "--metadata", metadata];
        args.extend(["--object-store", &object_store, "--encryption-key-file", "encryption.key"]);
        let tls = self.tls_args(&self.authority.client_cert, &self.authority.client_key);
        args.extend(tls.iter().map(String::as_str));
        let profile = self.path().join("profile.toml");
        let env = [
            ("LAKEBED_INSTALLATION_ACCESS_KEY_ID", KEY.0),
            ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY", KEY.1),
            ("LAKEBED_PROFILE_FILE", profile.to_str().unwrap()),
        ];
        ServerProcess::start(&args, &env, self.path(), &format!("{role}.log"))
    }

    fn tls_args(&self, cert: &Path, key: &Path) -> Vec<String> {
        let files = [("cert", cert), ("key", key), ("ca", self.authority.ca.as_path())];
        let args = files.map(|(name, file)| format!("--metadata-tls-{name}={}", file.display()));
        if self.mutual_tls { args.to_vec() } else { Vec::new() }
    }

    /// Runs a command; its keys come from the profile that the API server wrote.
    fn lakebed(&self, endpoint: &str, args: &[&str]) -> Output {
        let mut command = Command::new(lakebed_binary());
        command.args(args).env_clear().env("LAKEBED_PROFILE_FILE", self.path().join("profile.toml"));
        command.env("LAKEBED_ENDPOINT", endpoint).current_dir(self.path()).output().unwrap()
    }

    fn lakebed_ok(&self, endpoint: &str, args: &[&str]) -> String {
        let output = self.lakebed(endpoint, args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn round_trip(cluster: &Cluster) {
    let mut metadata = cluster.metadata(ANY_PORT);
    let at = metadata.endpoint().to_owned();
    assert!(at.starts_with(if cluster.mutual_tls { "https://" } else { "http://" }), "{at}");
    let api = cluster.stateless("api-server", &at).unwrap();
    let gateway = cluster.stateless("s3-gateway", &at).unwrap();
    let lakebed = |args: &[&str]| cluster.lakebed_ok(api.endpoint(), args);

    lakebed(&["doctor"]);
    let nowhere = cluster.lakebed(api.endpoint(), &["env"]);
    assert_eq!(nowhere.status.code(), Some(2), "nobody told the API server where S3 is: {nowhere:?}");
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("--s3-endpoint"), "{nowhere:?}");
    let env = lakebed(&["env", "--s3-endpoint", gateway.endpoint()]);
    assert!(env.contains(&format!("AWS_ENDPOINT_URL='{}'", gateway.endpoint())), "{env}");
    lakebed(&["repo", "create", "lakebed://trips"]);
    let s3 = s3_client_of(gateway.endpoint(), KEY, "trips");
    s3.put(&Key::from("main/by/s3"), "written over S3".into()).await.unwrap();
    std::fs::write(cluster.path().join("file"), "written by the command").unwrap();
    lakebed(&["fs", "upload", "file", "lakebed://trips/main/by/command"]);
    lakebed(&["commit", "lakebed://trips/main", "-m", "from both sides"]);
    lakebed(&["branch", "create", "lakebed://trips/fix", "--source", "main"]);
    s3.put(&Key::from("fix/by/s3"), "mended".into()).await.unwrap();
    lakebed(&["commit", "lakebed://trips/fix", "-m", "mend"]);
    lakebed(&["merge", "lakebed://trips/fix", "lakebed://trips/main"]);
    assert_eq!(lakebed(&["fs", "cat", "lakebed://trips/main/by/s3"]), "mended");
    let got = s3.get(&Key::from("main/by/command")).await.unwrap().bytes().await.unwrap();
    assert_eq!(got, "written by the command");

    // The metadata server goes and comes back: meanwhile it is told, afterwards nothing is lost and nobody restarts.
    metadata.kill();
    let refused = cluster.lakebed(api.endpoint(), &["repo", "list"]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("metadata service"), "{refused:?}");
    let found = cluster.lakebed(api.endpoint(), &["doctor"]);
    assert_eq!(found.status.code(), Some(5), "{found:?}");
    let refused = s3.get(&Key::from("main/by/s3")).await.unwrap_err();
    assert!(!matches!(refused, object_store::Error::NotFound { .. }), "an absent service is no absent object");
    let again = cluster.metadata(at.split("://").last().unwrap());
    assert_eq!(again.endpoint(), at);
    assert_eq!(lakebed(&["fs", "cat", "lakebed://trips/main/by/s3"]), "mended");
    assert_eq!(s3.get(&Key::from("main/by/s3")).await.unwrap().bytes().await.unwrap(), "mended");
    lakebed(&["commit", "lakebed://trips/main", "-m", "on", "--allow-empty"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_on_loopback() {
    round_trip(&Cluster::new(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_with_mutual_tls() {
    round_trip(&Cluster::new(true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_certificate_stays_out() {
    let cluster = Cluster::new(true);
    let metadata = cluster.metadata(ANY_PORT);
    let mut others = Cluster::new(true);
    let foreign = others.stateless("api-server", metadata.endpoint()).err().expect("another authority's certificate");
    assert!(foreign.contains("metadata service"), "{foreign}");
    others.mutual_tls = false;
    let open = others.stateless("api-server", &metadata.endpoint().replace("https", "http")).err().expect("no TLS");
    assert!(open.contains("metadata service"), "{open}");
    let half = others.stateless("api-server", metadata.endpoint()).err().expect("https without certificates");
    assert!(half.contains("needs mutual TLS"), "{half}");
    // A client's certificate is none for a server.
    cluster.stateless("api-server", metadata.endpoint()).unwrap();
}

#[test]
fn nothing_trusting_listens_where_others_can_reach_it() {
    let cluster = Cluster::new(false);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8001"] {
        let args = ["metadata-server", "--data-dir", "metadata", "--listen", address];
        let refused = ServerProcess::start(&args, &[], cluster.path(), "log").err().expect("it must not start");
        assert!(refused.contains("needs mutual TLS"), "{refused}");
    }
    assert!(!cluster.path().join("metadata").exists(), "nothing was made for it");
}

#[test]
fn a_gateway_needs_the_key_of_the_api_server() {
    let cluster = Cluster::new(false);
    let metadata = cluster.metadata(ANY_PORT);
    let args = ["s3-gateway", "--data-dir", "gateway", "--listen", ANY_PORT, "--metadata", metadata.endpoint()];
    let args = [&args[..], &["--object-store", "file:///nowhere"]].concat();
    let refused = ServerProcess::start(&args, &[], cluster.path(), "log").err().expect("it must not start");
    assert!(refused.contains("--encryption-key-file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_serve_from_one_object_store_or_not_at_all() {
    let cluster = Cluster::new(false);
    let metadata = cluster.metadata(ANY_PORT);
    for role in ["api-server", "s3-gateway"] {
        let args = [role, "--data-dir", role, "--listen", ANY_PORT, "--metadata", metadata.endpoint()];
        let args = [&args[..], &["--encryption-key-file", "encryption.key"]].concat();
        let refused = ServerProcess::start(&args, &[], cluster.path(), "log").err().expect("it has no default store");
        assert!(refused.contains("--object-store") && refused.contains("LAKEBED_OBJECT_STORE"), "{refused}");
    }
    let api = cluster.stateless("api-server", metadata.endpoint()).unwrap();
    cluster.lakebed_ok(api.endpoint(), &["repo", "create", "lakebed://trips"]);
    let refused = cluster.stateless_at("s3-gateway", metadata.endpoint(), "elsewhere").err().expect("another store");
    assert!(refused.contains("isn't the one of installation") && refused.contains("--object-store"), "{refused}");
    let copied = Command::new("cp").args(["-a", "objects", "copied"]).current_dir(cluster.path()).status().unwrap();
    assert!(copied.success());
    let refused = cluster.stateless_at("s3-gateway", metadata.endpoint(), "copied").err().expect("a copy of the store");
    assert!(refused.contains("is a copy of the one") && refused.contains("--take-over"), "{refused}");
    let gateway = cluster.stateless("s3-gateway", metadata.endpoint()).unwrap();
    let s3 = s3_client_of(gateway.endpoint(), KEY, "trips");
    s3.put(&Key::from("main/x"), "in the one store".into()).await.unwrap();
    assert_eq!(cluster.lakebed_ok(api.endpoint(), &["fs", "cat", "lakebed://trips/main/x"]), "in the one store");

    // Another metadata service, with the store of the first.
    let args = ["metadata-server", "--data-dir", "metadata-of-another", "--listen", ANY_PORT];
    let another = ServerProcess::start(&args, &[], cluster.path(), "another.log").unwrap();
    let refused = cluster.stateless("api-server", another.endpoint()).err().expect("another installation's store");
    assert!(refused.contains("of installation") && refused.contains("--take-over"), "{refused}");
}

#[test]
fn a_role_says_what_it_is_not() {
    let cluster = Cluster::new(false);
    let metadata = cluster.metadata(ANY_PORT);
    let api = cluster.stateless("api-server", metadata.endpoint()).unwrap();
    let gateway = cluster.stateless("s3-gateway", metadata.endpoint()).unwrap();
    let refused = cluster.lakebed(gateway.endpoint(), &["repo", "list"]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && stderr.contains("S3 gateway"), "{stderr}");
    let refused = cluster.lakebed(metadata.endpoint(), &["repo", "list"]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && stderr.contains("doesn't speak this command's API"), "{stderr}");
    cluster.lakebed_ok(api.endpoint(), &["repo", "list"]);
}

/// What one environment and one file for all roles look like; each role takes its own of it.
#[test]
fn one_environment_and_one_file_are_for_all_roles() {
    let cluster = Cluster::new(false);
    let metadata = cluster.metadata(ANY_PORT);
    let (objects, endpoint) = (format!("file://{}/objects", cluster.path().display()), metadata.endpoint());
    let file = format!(
        "object_store = '{objects}'\nmetadata = ['{endpoint}']\ns3_endpoint = 'http://127.0.0.1:8002'\n\
         s3_domain = 's3.lake.example'\nsetup = 'by-api'\ncache_mib = 64\nencryption_key_file = 'encryption.key'\n"
    );
    std::fs::write(cluster.path().join("lakebed.toml"), file).unwrap();
    let env = [
        ("LAKEBED_CONFIG", "lakebed.toml"),
        ("LAKEBED_S3_ENDPOINT", "http://127.0.0.1:8002"),
        ("LAKEBED_METADATA", endpoint),
        ("LAKEBED_S3_SIGNATURE_V2", "Yes"),
        ("LAKEBED_ENDPOINT", "http://127.0.0.1:8000"),
        ("LAKEBED_SERVICE_HOST", "10.0.0.1"),
        ("LAKEBED_PORT", "tcp://10.0.0.1:8000"),
    ];
    let start = |role: &str, env: &[(&str, &str)]| {
        let log = format!("{role}.log");
        ServerProcess::start(&[role, "--data-dir", role, "--listen", ANY_PORT], env, cluster.path(), &log)
    };
    for (role, others) in [
        ("api-server", "s3_domain, LAKEBED_S3_SIGNATURE_V2"),
        ("s3-gateway", "s3_endpoint, setup, LAKEBED_S3_ENDPOINT"),
        ("metadata-server", "LAKEBED_S3_SIGNATURE_V2"),
    ] {
        let server = start(role, &env).unwrap();
        assert!(
            server.log().contains("only other roles read them") && server.log().contains(others),
            "{}",
            server.log()
        );
    }
    // An installation of its own, with a store of its own.
    let alone = [&env[..], &[("LAKEBED_OBJECT_STORE", "memory:///")]].concat();
    assert!(start("run", &alone).unwrap().log().contains("LAKEBED_METADATA"));

    let misspelled = [&env[..], &[("LAKEBED_S3_DOMAIN", "s3.lake.example")]].concat();
    for role in ["api-server", "s3-gateway", "metadata-server", "run"] {
        let refused = start(role, &misspelled).err().expect("it must not start");
        assert!(refused.contains("unknown variable LAKEBED_S3_DOMAIN; did you mean LAKEBED_S3_DOMAINS?"), "{refused}");
    }
}

/// An empty variable is unset, and a switch knows the same words everywhere.
#[test]
fn empty_variables_are_unset_and_switches_are_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let run = |env: &[(&str, &str)]| {
        let args = ["run", "--data-dir", "data", "--listen", ANY_PORT, "--object-store", "memory:///"];
        ServerProcess::start(&args, env, folder.path(), "log")
    };
    // The reference names all of them.
    let reference = include_str!("../../../docs/cli.md");
    let words = reference.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
    let names: BTreeSet<_> = words.filter(|word| word.starts_with("LAKEBED_")).collect();
    assert!(names.len() > 40 && names.contains("LAKEBED_CA_CERT"), "{names:?}");
    let empty: Vec<_> = names.into_iter().chain(["LAKEBED_UNKNOWN"]).map(|name| (name, "")).collect();
    let server = run(&empty).unwrap();
    let mut client = Command::new(lakebed_binary());
    client.args(["doctor", "--endpoint", server.endpoint()]).env_clear().envs(empty.iter().copied());
    client.env("HOME", folder.path()).env("LAKEBED_AWS_KEYS", "maybe");
    let refused = client.output().unwrap();
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("LAKEBED_AWS_KEYS (--aws-keys)") && stderr.contains("true or false"), "{stderr}");
    drop(server);
    for word in ["Yes", "0"] {
        let switches = ["LAKEBED_S3_SIGNATURE_V2", "LAKEBED_LINK_WITHOUT_BYTES", "LAKEBED_AWS_KEYS"];
        run(&switches.map(|name| (name, word))).unwrap_or_else(|log| panic!("{word}: {log}"));
    }
    let refused = run(&[("LAKEBED_S3_SIGNATURE_V2", "maybe")]).err().expect("it must not start");
    assert!(refused.contains("LAKEBED_S3_SIGNATURE_V2") && refused.contains("true or false"), "{refused}");
}
