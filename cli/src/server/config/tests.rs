//! Tests of settings: their order, their names, and what can't be meant.

use std::collections::BTreeSet;

use clap::CommandFactory;

use super::*;

fn from_toml(text: &str) -> Result<ServerArgs, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn flags_go_before_the_file() {
    let flags = ServerArgs { listen: Some("127.0.0.1:1".parse().unwrap()), ..Default::default() };
    let file = from_toml(
        "listen = '127.0.0.1:2'\ncache_mib = 7\nreflog_days = 90\nobject_store = 's3://lake'\n\
         object_store_options = { region = 'here' }",
    )
    .unwrap();
    let config = flags.or(file).check(Role::All).unwrap();
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.cache_bytes, 7 << 20);
    assert_eq!(config.reflog_kept_ms, 3 * REFLOG_KEPT_DEFAULT);
    assert_eq!(config.object_store_options, [("region".to_owned(), "here".to_owned())]);
}

#[test]
fn the_example_has_every_option_under_its_own_name_and_each_works() {
    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        _args: ServerArgs,
    }
    let command = Command::command();
    let flags: BTreeSet<_> =
        command.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| flag.replace('-', "_")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lakebed.example.toml");
    let example = std::fs::read_to_string(path).unwrap();
    let settings: Vec<_> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    let names: BTreeSet<_> = settings.iter().map(|line| line.split_once(" = ").unwrap().0.to_owned()).collect();
    // The file can't name itself.
    let flags: BTreeSet<_> = flags.into_iter().filter(|flag| !matches!(flag.as_str(), "config" | "help")).collect();
    assert_eq!(names, flags);
    for line in &settings {
        from_toml(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let all = from_toml(&settings.join("\n")).unwrap().check(Role::Api).unwrap();
    assert_eq!(all.s3_endpoint.as_deref(), Some("https://s3.example.com"));
    assert_eq!(all.issuer.unwrap().groups.len(), 2);
}

#[test]
fn what_may_be_given_several_times_is_a_text_or_a_list_and_old_names_count() {
    let audiences = |toml: &str| from_toml(toml).unwrap().oidc_audiences;
    assert_eq!(audiences("oidc_audience = 'a'"), ["a"]);
    assert_eq!(audiences("oidc_audience = ['a', 'b']"), ["a", "b"]);
    assert_eq!(audiences("oidc_audiences = ['a']"), ["a"]);
    let old = from_toml("object_store_options = { region = 'x' }\ns3_domains = ['y']\noidc_groups = { '*' = 'All' }")
        .unwrap();
    assert_eq!((old.object_store_options.len(), old.s3_domains.len(), old.oidc_groups.len()), (1, 1, 1));
    assert!(from_toml("oidc_audience = 7").unwrap_err().to_string().contains("a text or a list of texts"));
}

#[test]
fn the_s3_endpoint_is_one_that_tools_can_be_pointed_at() {
    let args = || ServerArgs {
        metadata: vec!["http://127.0.0.1:8001".to_owned()],
        object_store: Some("s3://lake".to_owned()),
        ..Default::default()
    };
    let check = |url: &str| ServerArgs { s3_endpoint: Some(url.to_owned()), ..args() }.check(Role::Api);
    assert_eq!(
        check("https://s3.lake.example:8443").unwrap().s3_endpoint.as_deref(),
        Some("https://s3.lake.example:8443")
    );
    for bad in ["s3.lake.example", "ftp://lake", "https://lake.example/s3"] {
        assert!(check(bad).unwrap_err().to_string().contains("s3_endpoint"), "{bad}");
    }
}

#[test]
fn what_would_never_be_read_is_refused() {
    for (toml, says) in [
        ("object_store_option = { region = 'here' }", "has no option \"region\""),
        ("object_store = 'memory:///'\nobject_store_option = { endpoint = 'http://x' }", "has no option \"endpoint\""),
        ("object_store = 's3://lake'\nobject_store_option = { allow_http = 'yes' }", "true or false"),
        ("import_allow = '/srv/exports'", "file:///folder"),
    ] {
        let error = from_toml(toml).unwrap().check(Role::All).unwrap_err();
        assert!(error.is::<crate::exit::Usage>() && error.to_string().contains(says), "{toml}: {error}");
    }
}

/// What every role takes, each reading its part.
const OF_ALL_ROLES: &str = "
    object_store = 's3://lake'
    metadata = ['https://127.0.0.1:8001']
    metadata_tls_cert = 'm.pem'
    metadata_tls_key = 'm.key'
    metadata_tls_ca = 'ca.pem'
    s3_endpoint = 'https://s3.lake.example'
    s3_domains = ['s3.lake.example']
    s3_signature_v2 = true
    setup = 'by-api'
    reflog_days = 60
    log_format = 'json'";

#[test]
fn one_file_is_for_all_roles() {
    let read = |role| ServerArgs::parse(OF_ALL_ROLES, role).unwrap();
    let config = |role| read(role).0.check(role).unwrap();
    let all = config(Role::All);
    assert!(all.metadata.is_empty() && all.metadata_tls.is_none() && all.s3_endpoint.is_none());
    assert!(all.s3_signature_v2 && all.setup == Setup::FromLoopback && all.object_store == "s3://lake");
    let metadata = config(Role::Metadata);
    assert!(metadata.metadata_tls.is_some() && metadata.s3_domains.is_empty() && metadata.log_format.is_some());
    let api = config(Role::Api);
    assert!(api.s3_endpoint.is_some() && api.metadata.len() == 1 && !api.s3_signature_v2);
    let s3 = config(Role::S3);
    assert!(s3.s3_signature_v2 && s3.s3_endpoint.is_none() && s3.setup == Setup::Closed);
    assert_eq!((api.reflog_kept_ms, s3.reflog_kept_ms), (2 * REFLOG_KEPT_DEFAULT, 2 * REFLOG_KEPT_DEFAULT));

    let of_others = |role| read(role).1.join(" ");
    assert_eq!(of_others(Role::All), "metadata metadata_tls_ca metadata_tls_cert metadata_tls_key s3_endpoint");
    assert_eq!(of_others(Role::Api), "s3_domains s3_signature_v2");
    assert_eq!(of_others(Role::S3), "s3_endpoint setup");
    assert!(of_others(Role::Metadata).contains("object_store") && !of_others(Role::Metadata).contains("log_format"));
}

#[test]
fn what_no_role_can_read_is_refused_by_each() {
    for role in [Role::All, Role::Metadata, Role::Api, Role::S3] {
        for wrong in ["s3_domian = 'x'", "cache_mib = 'lots'", "endpoint = 'http://127.0.0.1:8000'", "setup = 'never'"]
        {
            assert!(ServerArgs::parse(wrong, role).is_err(), "{wrong}");
        }
    }
}

#[test]
fn a_switch_that_is_off_goes_before_a_file_that_has_it_on() {
    let off = ServerArgs { s3_signature_v2: Some(false), link_without_bytes: Some(false), ..Default::default() };
    let config =
        off.or(from_toml("s3_signature_v2 = true\nlink_without_bytes = true").unwrap()).check(Role::All).unwrap();
    assert!(!config.s3_signature_v2 && !config.link_without_bytes);
    assert!(from_toml("s3_signature_v2 = true").unwrap().check(Role::All).unwrap().s3_signature_v2);
}

#[test]
fn keys_that_are_preset_are_read_by_roles_that_need_them() {
    let half = || Presets { access_key_id: Some("AK".into()), ..Default::default() };
    let store = || Some("s3://lake".to_owned());
    let metadata = || vec!["http://127.0.0.1:8001".to_owned()];
    let check = |role| {
        ServerArgs { presets: half(), object_store: store(), metadata: metadata(), ..Default::default() }.check(role)
    };
    assert!(check(Role::Api).unwrap_err().to_string().contains("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY"));
    assert!(check(Role::S3).unwrap().administrator.is_none());
}

#[test]
fn an_unknown_name_in_the_file_is_an_error() {
    assert!(from_toml("lisen = '127.0.0.1:2'").unwrap_err().to_string().contains("lisen"));
}

#[test]
fn the_metadata_port_leaves_loopback_only_with_mutual_tls() {
    let open = || ServerArgs { listen: Some("0.0.0.0:8001".parse().unwrap()), ..Default::default() };
    assert!(open().check(Role::Metadata).unwrap_err().to_string().contains("mutual TLS"));
    let file = || Some(PathBuf::from("x.pem"));
    let tls = ServerArgs { metadata_tls_cert: file(), metadata_tls_key: file(), metadata_tls_ca: file(), ..open() };
    assert!(tls.check(Role::Metadata).is_ok());
}

#[test]
fn the_metadata_server_is_named_by_a_url_that_fits_its_certificates() {
    for (url, mutual_tls) in [("http://127.0.0.1:8001", false), ("https://metadata:8001", true)] {
        check_metadata_url(url, mutual_tls).unwrap();
    }
    for (url, mutual_tls) in
        [("http://metadata:8001", true), ("https://metadata:8001", false), ("metadata", false), ("a b", false)]
    {
        assert!(check_metadata_url(url, mutual_tls).is_err(), "{url}");
    }
}

#[test]
fn the_server_s_own_folder_is_no_source() {
    let args = |url: &str| ServerArgs {
        data_dir: Some("/srv/lake".into()),
        import_allow: vec![url.to_owned()],
        ..Default::default()
    };
    for bad in ["file:///srv", "file:///srv/lake/", "file:///srv/lake/objects"] {
        assert!(args(bad).check(Role::All).unwrap_err().to_string().contains("/srv/lake"), "{bad}");
    }
    for good in ["file:///srv/lakes", "s3://srv"] {
        assert_eq!(args(good).check(Role::All).unwrap().import_allow, [good]);
    }
}

#[test]
fn the_disk_caches_only_remote_stores_unless_asked_to() {
    let settle = |toml: &str| from_toml(toml).unwrap().check(Role::All);
    let cache = |toml: &str| settle(toml).unwrap().disk_cache;
    assert_eq!(cache(""), None);
    let remote = cache("object_store = 's3://b'\ndata_dir = '/d'").unwrap();
    assert_eq!((remote.folder, remote.bytes_max), ("/d/cache".into(), 4 << 30));
    assert_eq!(cache("cache_dir = '/c'\ncache_disk_mib = 100").unwrap().bytes_max, 100 << 20);
    assert_eq!(cache("object_store = 's3://b'\ncache_disk_mib = 0"), None);
    assert!(settle("cache_dir = '/c'\ncache_disk_mib = 1").unwrap_err().to_string().contains("16 MiB"));
}

#[test]
fn halves_are_refused() {
    assert!(ServerArgs { tls_cert: Some("x".into()), ..Default::default() }.check(Role::All).is_err());
    let half = Presets { access_key_id: Some("AK".into()), ..Default::default() };
    assert!(ServerArgs { presets: half, ..Default::default() }.check(Role::All).is_err());
    let keys =
        Presets { access_key_id: Some("AK".into()), secret_access_key: Some("secret".into()), ..Default::default() };
    let both = ServerArgs { presets: keys, setup: Some(SetupArg::ByApi), ..Default::default() };
    assert!(both.check(Role::All).unwrap_err().to_string().contains("--setup"));
    assert!(ServerArgs { reflog_days: Some(0), ..Default::default() }.check(Role::All).is_err());
    assert!(ServerArgs::default().check(Role::Api).unwrap_err().to_string().contains("--metadata"));
}

#[test]
fn a_role_by_itself_has_no_default_store() {
    let settle = |toml: &str, role| from_toml(toml).unwrap().check(role);
    let role = "metadata = ['http://127.0.0.1:8001']";
    let error = settle(role, Role::Api).unwrap_err().to_string();
    assert!(error.contains("--object-store") && error.contains("LAKEBED_OBJECT_STORE"), "{error}");
    let error = settle(&format!("{role}\nobject_store = 'memory:///'"), Role::Api).unwrap_err().to_string();
    assert!(error.contains("this process's own"), "{error}");
    let config = settle(&format!("{role}\nobject_store = 's3://lake'"), Role::Api).unwrap();
    assert_eq!(config.object_store, "s3://lake");
    assert_eq!(settle("data_dir = '/d'", Role::All).unwrap().object_store, "file:///d/objects");
    settle("", Role::Metadata).unwrap();
}

#[test]
fn whose_store_is_taken_over_is_an_id_or_nobody() {
    let id = "0123456789abcdef".repeat(2);
    let config = from_toml(&format!("take_over = '{id}'")).unwrap().check(Role::All).unwrap();
    assert_eq!(config.take_over, Some(TakeOver::Of(id.parse().unwrap())));
    assert_eq!(from_toml("take_over = 'unmarked'").unwrap().take_over, Some(TakeOver::Unmarked));
    assert!(from_toml("take_over = 'yes'").unwrap_err().to_string().contains("unmarked"));
}
