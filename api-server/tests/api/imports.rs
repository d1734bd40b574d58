//! Imports: what a branch has afterwards, what is refused, and runs that go on where others were cut off.

use std::future::pending;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use api_server::Error;
use api_server::commit_queue::{CommitQueues, RequestContext};
use api_server::flows::{self, ImportRequest, ImportRun, ImportSource, ImportSteps, Imported};
use auth::Caller;
use futures::TryStreamExt;
use graveler::{Error as GravelerError, Progress};
use lakebed_sdk::{Code, DataCheck, JobAnswer, JobKind, JobState, NewImport, Reason};
use model::{Command, CommitId, Publish, RequestId};
use storage::StorageError;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::fsck::check;
use crate::lake::{TestLake, branch, object};

/// A lake, and a folder to import from.
struct Setting {
    lake: TestLake,
    folder: TempDir,
}

impl Setting {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = TestLake::with_sources(vec![url(folder.path())]).await;
        Self { lake, folder }
    }

    fn write(&self, key: &str, text: &str) {
        let file = self.folder.path().join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{key}", url(self.folder.path()))
    }

    fn all(&self, key: &str, to: &str) -> ImportSource {
        ImportSource::Prefix { from: self.url(key), to: to.to_owned() }
    }

    fn one(&self, key: &str, to: &str) -> ImportSource {
        ImportSource::Object { from: self.url(key), to: object(to) }
    }

    fn request(&self, sources: Vec<ImportSource>) -> ImportRequest {
        ImportRequest {
            repository: self.lake.trips.clone(),
            branch: branch("main"),
            sources,
            message: "import".to_owned(),
            metadata: [("from".to_owned(), "afar".to_owned())].into(),
            skip_unusable: false,
        }
    }

    async fn caller(&self) -> Caller {
        self.lake.administrator().await
    }

    async fn run(&self, request: &ImportRequest, run: ImportRun<'_>) -> Result<Imported, Error> {
        let queues = CommitQueues::new(self.lake.graveler.clone());
        flows::import(&queues, &self.caller().await, request, run, &|_, _| RequestContext::default()).await
    }

    async fn import(&self, sources: Vec<ImportSource>) -> Result<Imported, Error> {
        self.run(&self.request(sources), first_run(&|_| {})).await
    }

    async fn head(&self) -> CommitId {
        self.lake.log("main").await[0].id
    }
}

fn url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

fn first_run(keep: &(dyn Fn(Vec<u8>) + Send + Sync)) -> ImportRun<'_> {
    let steps = ImportSteps { objects_max: 300, time_max: Duration::MAX };
    ImportRun { progress: Progress::default(), checkpoint: Vec::new(), keep, steps }
}

fn why(error: Error) -> String {
    match error {
        Error::Graveler(GravelerError::Invalid(why)) => why,
        Error::Graveler(GravelerError::Storage(StorageError::Invalid(why) | StorageError::NoSource(why))) => why,
        Error::Invalid(field) => field.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn objects_come_to_their_paths_and_stay_where_they_are() {
    let setting = Setting::new().await;
    let lake = &setting.lake;
    for key in ["a/x", "a/y/z", "a-b", "single", "left"] {
        setting.write(key, &format!("the file {key}"));
    }
    lake.put("main", "to/x", "an older one").await;
    lake.put("main", "other", "untouched").await;
    let before = lake.commit("main", "before").await;
    lake.put("main", "uncommitted", "1").await;
    lake.put("main", "to/y/z", "staged over it").await;

    let imported = setting.import(vec![setting.all("a", "to"), setting.one("single", "in/one")]).await.unwrap();
    assert_eq!(
        (imported.objects, imported.skipped, imported.built.commit.parents.as_slice()),
        (3, 0, &[before.id][..])
    );
    let commit = &imported.built.commit;
    assert_eq!((commit.message.as_str(), &*commit.metadata["from"]), ("import", "afar"));
    assert_eq!(lake.paths("main@").await, ["in/one", "other", "to/x", "to/y/z"]);
    for (path, text) in [("in/one", "the file single"), ("to/x", "the file a/x"), ("other", "untouched")] {
        assert_eq!(lake.read("main", path).await.unwrap(), text);
    }
    assert_eq!(lake.read("main@", "to/y/z").await.unwrap(), "the file a/y/z");
    // What was uncommitted stays so, and over what was imported.
    assert_eq!(lake.read("main", "to/y/z").await.unwrap(), "staged over it");
    assert_eq!(lake.paths("main").await, ["in/one", "other", "to/x", "to/y/z", "uncommitted"]);
    let stat = lake.lakebed.stat(&lake.trips, "main", &object("to/x")).await.unwrap();
    assert_eq!((stat.physical_address, stat.size), (setting.url("a/x"), 12));

    // The same again is a commit that changes nothing; what changed in the source is one that does.
    let again = setting.import(vec![setting.all("a", "to/"), setting.one("single", "in/one")]).await.unwrap();
    let (again, first) = (&again.built.commit, &imported.built.commit);
    assert_eq!((again.metarange, again.parents.as_slice()), (first.metarange, &[imported.built.id][..]));
    setting.write("a/x", "the file a/x, mended");
    setting.import(vec![setting.all("a", "to/")]).await.unwrap();
    assert_eq!(lake.read("main", "to/x").await.unwrap(), "the file a/x, mended");
    let changed = lake.read("main~1", "to/x").await.unwrap_err();
    assert_eq!((changed.code, changed.reason), (Code::FailedPrecondition, Reason::SourceChanged), "{changed}");

    std::fs::remove_file(setting.folder.path().join("a/x")).unwrap();
    let gone = lake.read("main", "to/x").await.unwrap_err();
    assert_eq!((gone.code, gone.reason), (Code::NotFound, Reason::SourceGone), "{gone}");
}

#[tokio::test]
async fn what_can_t_be_done_is_refused_before_anything_is() {
    let setting = Setting::new().await;
    let head = setting.head().await;
    setting.write("a/x", "1");
    setting.write("b/x", "2");
    std::os::unix::fs::symlink("/etc/passwd", setting.folder.path().join("b/link")).unwrap();
    std::fs::write(setting.folder.path().join("b/new\nline"), "1").unwrap();

    let elsewhere = ImportSource::Prefix { from: "s3://else/where".into(), to: String::new() };
    let refused = setting.import(vec![setting.all("a", ""), elsewhere]).await.unwrap_err();
    let is_elsewhere = matches!(&refused, Error::Graveler(GravelerError::Storage(StorageError::Elsewhere { url })) if url.contains("s3://else"));
    assert!(is_elsewhere && refused.to_string().contains("import_allow"), "{refused}");
    let twice = why(setting.import(vec![setting.all("a", "to/"), setting.one("b/x", "to/x")]).await.unwrap_err());
    assert!(twice.contains("a/x") && twice.contains("b/x") && twice.contains("to/x"), "{twice}");
    let not_found = async |sources| {
        let error = setting.import(sources).await.unwrap_err();
        assert!(matches!(error, Error::Graveler(GravelerError::Storage(StorageError::NoSource(_)))), "{error}");
        why(error)
    };
    let missing = not_found(vec![setting.one("nope", "x")]).await;
    assert!(missing.contains("not found"), "{missing}");
    let empty = not_found(vec![setting.all("a", "a"), setting.all("nope", "x")]).await;
    assert!(empty.contains("/nope/ not found"), "{empty}");
    let object = not_found(vec![setting.all("a/x", "to/")]).await;
    assert!(object.contains("a/x/ not found") && object.contains("such as to/x"), "{object}");
    let too_long = "p".repeat(1023);
    let long = why(setting.import(vec![setting.all("a", &too_long), setting.all("b", "b")]).await.unwrap_err());
    assert!(long.contains("3 objects can't be imported") && long.contains("link"), "{long}");
    assert!(long.contains("1024") && long.contains("new\\nline"), "{long}");
    let request = ImportRequest { branch: branch("nope"), ..setting.request(vec![setting.all("a", "")]) };
    assert!(setting.run(&request, first_run(&|_| {})).await.unwrap_err().to_string().contains("nope"));
    assert_eq!(setting.head().await, head);

    let request = ImportRequest { skip_unusable: true, ..setting.request(vec![setting.all("b", "b")]) };
    let imported = setting.run(&request, first_run(&|_| {})).await.unwrap();
    assert_eq!((imported.objects, imported.skipped), (1, 2));
}

#[tokio::test]
async fn commits_of_others_are_no_obstacle() {
    let setting = Setting::new().await;
    let lake = &setting.lake;
    setting.write("a/x", "imported");
    setting.write("a/y", "imported");
    lake.branch_off("theirs", "main").await;
    for (path, text) in [("to/x", "theirs"), ("more", "theirs")] {
        lake.put("theirs", path, text).await;
    }
    let theirs = lake.commit("theirs", "theirs").await;
    let head = setting.head().await;
    lake.meta.let_others_come_first(vec![Command::Publish(Publish {
        request: None,
        repository: lake.trips.clone(),
        branch: branch("main"),
        expected: head,
        head: theirs.id,
        consumed: Vec::new(),
        held_by: Vec::new(),
        read_at: None,
        require_clean: false,
        ended: Vec::new(),
        passed: Vec::new(),
        note: model::Note::default(),
    })]);
    let imported = setting.import(vec![setting.all("a", "to")]).await.unwrap();
    assert_eq!(imported.built.commit.parents, [theirs.id]);
    assert_eq!(lake.paths("main").await, ["more", "to/x", "to/y"]);
    assert_eq!(lake.read("main", "to/x").await.unwrap(), "imported");
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_from_its_last_step() {
    let setting = Setting::new().await;
    for n in 0..1500 {
        setting.write(&format!("a/{n:05}"), &n.to_string());
    }
    let request = setting.request(vec![setting.all("a", "to"), setting.one("a/00000", "zero")]);
    let (kept, cut) = (Mutex::new(Vec::new()), Notify::new());
    let keep = |checkpoint| {
        kept.lock().unwrap().push(checkpoint);
        cut.notify_one();
    };
    let run = first_run(&keep);
    let progress = run.progress.clone();
    tokio::select! {
        () = cut.notified() => {}
        imported = setting.run(&request, run) => panic!("not cut off: {imported:?}"),
    }
    let objects_before = progress.objects();
    assert!((300..1500).contains(&objects_before), "{objects_before}");
    let checkpoint = kept.lock().unwrap().first().unwrap().clone();

    // What the next run doesn't list again isn't missed.
    for n in 0..300 {
        std::fs::remove_file(setting.folder.path().join(format!("a/{n:05}"))).unwrap();
    }
    setting.write("a/00000", "0");
    let second = ImportRun { checkpoint, ..first_run(&|_| {}) };
    let imported = setting.run(&request, second).await.unwrap();
    assert_eq!((imported.objects, setting.lake.paths("main").await.len()), (1501, 1501));
    assert_eq!(setting.lake.read("main", "to/01499").await.unwrap(), "1499");
    let gone = setting.lake.read("main", "to/00001").await.unwrap_err();
    assert_eq!(gone.reason, Reason::SourceGone);
}

#[tokio::test]
async fn an_import_is_a_job_and_carried_out_once() {
    let setting = Setting::new().await;
    let lake = &setting.lake;
    for key in ["a/x", "a/y"] {
        setting.write(key, key);
    }
    let new = |to: &str| NewImport {
        sources: vec![lakebed_sdk::ImportSource::Prefix { from: setting.url("a/"), to: to.to_owned() }],
        message: "take in".to_owned(),
        request_id: Some(RequestId(7)),
        ..NewImport::default()
    };
    let main = branch("main");
    let imported = lake.lakebed.import(&lake.trips, &main, new("to/")).await.unwrap();
    assert_eq!((imported.objects, imported.skipped, imported.commit.message.as_str()), (2, 0, "take in"));
    assert_eq!(lake.lakebed.import(&lake.trips, &main, new("to/")).await.unwrap(), imported);
    assert_eq!(setting.head().await, imported.commit.id);
    let reused = lake.lakebed.import(&lake.trips, &main, new("elsewhere/")).await.unwrap_err();
    assert_eq!(reused.reason, Reason::RequestReused);

    let begun = NewImport { request_id: None, ..new("more/") };
    let id = lake.lakebed.begin_import(&lake.trips, &main, begun).await.unwrap();
    let jobs: Vec<_> = lake.lakebed.wait_job(&lake.trips, id).await.unwrap().try_collect().await.unwrap();
    let last = jobs.last().unwrap();
    let JobState::Done(JobAnswer::Import(imported)) = &last.state else { panic!("{last:?}") };
    assert_eq!((last.kind, imported.objects), (JobKind::Import, 2));
    assert_eq!(lake.paths("main").await, ["more/x", "more/y", "to/x", "to/y"]);
}

#[tokio::test]
async fn a_run_that_is_dropped_publishes_nothing() {
    let setting = Setting::new().await;
    for n in 0..700 {
        setting.write(&format!("a/{n:05}"), "1");
    }
    let head = setting.head().await;
    let request = setting.request(vec![setting.all("a", "")]);
    let stop = Notify::new();
    let keep = |_| stop.notify_one();
    tokio::select! {
        () = stop.notified() => {}
        imported = setting.run(&request, first_run(&keep)) => panic!("not dropped: {imported:?}"),
        () = pending() => {}
    }
    assert_eq!(setting.head().await, head);
}

async fn fault_kinds(lake: &TestLake) -> Vec<String> {
    let (faults, _) = check(lake, None, DataCheck::Size).await;
    let mut kinds: Vec<_> = faults.into_iter().map(|fault| fault.kind).collect();
    kinds.sort_unstable();
    kinds
}

#[tokio::test]
async fn imported_objects_are_copied_checked_and_staged_like_others() {
    let setting = Setting::new().await;
    let lake = &setting.lake;
    setting.write("a/x", "one");
    setting.write("a/y", "two");
    setting.import(vec![setting.all("a", "in")]).await.unwrap();
    let copy = lakebed_sdk::CopyObjects { from: "in/".into(), to: "copies/".into(), recursive: true };
    assert_eq!(lake.lakebed.copy_objects(&lake.trips, "main", &branch("main"), copy).await.unwrap(), 2);
    lake.commit("main", "copies").await;
    assert_eq!(lake.read("main", "copies/x").await.unwrap(), "one");
    assert_eq!(fault_kinds(lake).await, Vec::<String>::new());

    setting.write("a/x", "ten");
    std::fs::remove_file(setting.folder.path().join("a/y")).unwrap();
    assert_eq!(fault_kinds(lake).await, ["missing", "missing", "wrong-bytes", "wrong-bytes"]);
}

#[tokio::test]
async fn the_places_of_what_was_committed_are_noted() {
    let setting = Setting::new().await;
    let lake = &setting.lake;
    for key in ["a/x", "b/y"] {
        setting.write(key, key);
    }
    let noted = async || {
        let noted = lake.lakebed.repository_metadata(&lake.trips).await.unwrap();
        let places =
            noted.into_keys().filter_map(|name| Some(name.strip_prefix(".lakebed.imported.from.")?.to_owned()));
        places.collect::<Vec<_>>()
    };
    setting.import(vec![setting.all("nothing", "to")]).await.unwrap_err();
    assert!(noted().await.is_empty(), "nothing was committed");
    setting.import(vec![setting.all("a", "a")]).await.unwrap();
    setting.import(vec![setting.all("b", "b"), setting.one("a/x", "one")]).await.unwrap();
    assert_eq!(
        noted().await,
        [setting.url("")],
        "one note for the place that is allowed, however much of it is imported"
    );
    assert!(flows::unreadable_imports(&lake.graveler).await.unwrap().is_empty());

    let set = [(".lakebed.imported.from.s3://gone/raw/".to_owned(), "1".to_owned())].into();
    lake.lakebed.change_repository_metadata(&lake.trips, set, Vec::new()).await.unwrap();
    let unreadable = flows::unreadable_imports(&lake.graveler).await.unwrap();
    assert_eq!(unreadable, [("s3://gone/raw/".to_owned(), vec![lake.trips.clone()])].into());
}
