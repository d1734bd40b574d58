//! What an import may read and write: each path and each source by itself, and the owner of what lies in the server's own
//! store. Nothing is published where one object is refused.

use lakebed_sdk::{Code, CreateRepository, Error, ImportSource, Imported, Lakebed, NewImport, Reason};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tempfile::TempDir;

use crate::access::{allow, deny, user_with};
use crate::lake::{TestLake, branch, name, object};

const ALL: &str = r#""fs:*""#;
const WRITE: &str = r#""fs:WriteObject""#;

fn objects(repository: &str, paths: &str) -> String {
    format!("arn:lakefs:fs:::repository/{repository}/object/{paths}")
}

fn with_condition(statement: &str, condition: &str) -> String {
    statement.replacen('{', &format!("{{\"condition\": {{{condition}}}, "), 1)
}

/// A lake, and a folder to import from.
struct Setting {
    lake: TestLake,
    folder: TempDir,
}

impl Setting {
    async fn new(keys: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        for key in keys {
            let file = folder.path().join(key);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, key).unwrap();
        }
        let lake = TestLake::with_sources(vec![format!("file://{}", folder.path().display())]).await;
        Self { lake, folder }
    }

    fn url(&self, key: &str) -> String {
        format!("file://{}/{key}", self.folder.path().display())
    }
}

async fn import(who: &Lakebed, lake: &TestLake, from: &str, to: &str, skip_unusable: bool) -> Result<Imported, Error> {
    let source = match from.ends_with('/') {
        true => ImportSource::Prefix { from: from.to_owned(), to: to.to_owned() },
        false => ImportSource::Object { from: from.to_owned(), to: object(to) },
    };
    let new = NewImport { sources: vec![source], message: "import".into(), skip_unusable, ..NewImport::default() };
    who.import(&lake.trips, &branch("main"), new).await
}

fn is_denied(done: Result<Imported, Error>, naming: &str) {
    let error = done.unwrap_err();
    assert_eq!((error.code, error.reason), (Code::PermissionDenied, Reason::AccessDenied), "{error}");
    assert!(error.message.contains(naming), "{naming} isn't named: {error}");
}

#[tokio::test]
async fn each_path_of_an_import_is_judged() {
    let setting = Setting::new(&["a", "open/x", "secret/x", "z"]).await;
    let lake = &setting.lake;
    let head = lake.log("main").await[0].id;
    let statements = [allow(ALL, "*"), deny(WRITE, &objects("trips", "to/secret/*"))];
    let (ann, _) = user_with(lake, "ann", &statements).await;
    for skip in [false, true] {
        is_denied(import(&ann, lake, &setting.url(""), "to/", skip).await, "to/secret/x");
    }
    is_denied(import(&ann, lake, &setting.url("a"), "to/secret/new", false).await, "to/secret/new");
    assert_eq!((lake.log("main").await[0].id, lake.paths("main").await), (head, vec![]), "nothing was published");
    assert_eq!(import(&ann, lake, &setting.url("open/"), "to/", false).await.unwrap().objects, 1);
    assert_eq!(import(&ann, lake, &setting.url(""), "elsewhere", false).await.unwrap().objects, 4);

    let may_in = [
        allow(r#""fs:Read*", "fs:CreateCommit", "fs:ImportFromStorage""#, "*"),
        allow(WRITE, &objects("trips", "in/*")),
    ];
    let (bob, _) = user_with(lake, "bob", &may_in).await;
    for to in ["in", "in/x/", "in/deeper"] {
        assert_eq!(import(&bob, lake, &setting.url(""), to, false).await.unwrap().objects, 4, "{to}");
    }
    for to in ["", "inner/", "out/"] {
        is_denied(import(&bob, lake, &setting.url(""), to, false).await, "object/");
    }
    is_denied(import(&bob, lake, "file:///not/looked/at/", "out/", false).await, "object/out/*");

    let but_main = with_condition(&deny(WRITE, "*"), r#""StringLike": {"Ref": ["main"]}"#);
    let (carl, _) = user_with(lake, "carl", &[allow(ALL, "*"), but_main]).await;
    is_denied(import(&carl, lake, &setting.url(""), "x/", false).await, "object/x/*");
}

#[tokio::test]
async fn a_source_that_is_forbidden_isn_t_read_by_way_of_a_wider_one() {
    let setting = Setting::new(&["a", "secret/x"]).await;
    let lake = &setting.lake;
    let secret = format!("arn:lakefs:fs:::namespace/{}*", setting.url("secret/"));
    let statements = [allow(ALL, "*"), deny(r#""fs:ImportFromStorage""#, &secret)];
    let (ann, _) = user_with(lake, "ann", &statements).await;
    is_denied(import(&ann, lake, &setting.url(""), "to/", false).await, &setting.url("secret/x"));
    is_denied(import(&ann, lake, &setting.url("secret/"), "to/", false).await, &setting.url("secret/"));
    assert_eq!(lake.paths("main").await, [""; 0]);
    // Who may import from a place may so from what it holds.
    let named = format!("arn:lakefs:fs:::namespace/{}", setting.url(""));
    let may =
        [allow(r#""fs:Read*", "fs:CreateCommit", "fs:WriteObject""#, "*"), allow(r#""fs:ImportFromStorage""#, &named)];
    let (bob, _) = user_with(lake, "bob", &may).await;
    assert_eq!(import(&bob, lake, &setting.url(""), "to/", false).await.unwrap().objects, 2);
}

#[tokio::test]
async fn what_lies_in_the_own_store_needs_the_right_to_read_its_repository() {
    let lake = TestLake::new().await;
    let other = name("other");
    lake.lakebed.create_repository(&other, CreateRepository::default()).await.unwrap();
    let path = object("open/hidden");
    lake.lakebed.upload_bytes(&other, &branch("main"), &path, "theirs", Default::default()).await.unwrap();
    let address = lake.lakebed.stat(&other, "main", &path).await.unwrap().physical_address;
    let url = format!("mem://other/{address}");

    let on_trips = allow(ALL, "arn:lakefs:fs:::repository/trips*");
    let sources = allow(r#""fs:ImportFromStorage""#, "*");
    let read = allow(r#""fs:ReadObject""#, &objects("other", "*"));
    let some = allow(r#""fs:ReadObject""#, &objects("other", "open/*"));
    let on_main = with_condition(&read, r#""StringLike": {"Ref": ["main"]}"#);
    let but_dev = with_condition(&deny(ALL, "*"), r#""StringLike": {"Ref": ["dev"]}"#);
    let strangers = [
        vec![],
        vec![some],
        vec![on_main],
        vec![read.clone(), but_dev],
        vec![read.clone(), deny(r#""fs:ReadObject""#, &objects("other", "secret/*"))],
    ];
    for (n, statements) in strangers.into_iter().enumerate() {
        let statements = [vec![on_trips.clone(), sources.clone()], statements].concat();
        let (ann, _) = user_with(&lake, &format!("ann{n}"), &statements).await;
        for from in [url.as_str(), "mem://other/data/", "mem://other/", "mem:///other/", "mem:////other/data/"] {
            let refused = import(&ann, &lake, from, "x/y", false).await;
            is_denied(refused, "fs:ReadObject on arn:lakefs:fs:::repository/other/object/*");
        }
    }
    assert_eq!(lake.paths("main").await, [""; 0]);
    let (bob, _) = user_with(&lake, "bob", &[on_trips, sources, read]).await;
    assert_eq!(import(&bob, &lake, &url, "x/y", false).await.unwrap().objects, 1);
    assert_eq!(lake.read("main", "x/y").await.unwrap(), "theirs");
}

#[tokio::test]
async fn what_is_nobody_s_in_the_own_store_is_not_imported() {
    let lake = TestLake::new().await;
    let other = name("other");
    lake.lakebed.create_repository(&other, CreateRepository::default()).await.unwrap();
    let path = object("a");
    lake.lakebed.upload_bytes(&other, &branch("main"), &path, "theirs", Default::default()).await.unwrap();
    let address = lake.lakebed.stat(&other, "main", &path).await.unwrap().physical_address;
    for key in ["loose/x", "trips/staging/p/given-out"] {
        lake.store.put(&Path::from(key), "x".into()).await.unwrap();
    }
    let elsewhere = async |from: &str| {
        let error = import(&lake.lakebed, &lake, from, "x", false).await.unwrap_err();
        assert!(error.message.contains("import_allow"), "{from}: {error}");
    };
    elsewhere("mem://loose/x").await;
    lake.lakebed.delete_repository(&other).await.unwrap();
    elsewhere(&format!("mem://other/{address}")).await;
    let unlinked = import(&lake.lakebed, &lake, "mem://trips/staging/p/given-out", "x", false).await.unwrap_err();
    assert!(unlinked.message.contains("isn't linked"), "{unlinked}");
    assert_eq!(lake.paths("main").await, [""; 0]);
}
