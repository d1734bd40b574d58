//! The exit code 4 of commands about what isn't there: scripts tell a wrong name from other failures by it.

use std::io::Write;

use tests::TestServer;

/// Commands in which something is named that isn't there: `none` is no repository, `no` no branch, tag, user, group or policy.
const UNKNOWN: &str = "
repo show lakebed://none
repo set --read-only lakebed://none
repo metadata lakebed://none
repo metadata lakebed://none --set a=b
repo metadata lakebed://trips --remove a
repo delete lakebed://none --yes
branch create lakebed://none/x --source main
branch create lakebed://trips/x --source no
branch list lakebed://none
branch list lakebed://none --deleted
branch show lakebed://trips/no
branch show lakebed://none/main
branch show lakebed://trips/v1
branch delete lakebed://trips/no --yes
branch delete lakebed://none/main --yes
branch undelete lakebed://trips/no
branch protect lakebed://none/main
branch protect lakebed://trips/v1
branch unprotect lakebed://none/main
branch unprotect lakebed://trips/no
branch unprotect lakebed://trips/n*
branch unprotect lakebed://trips/main
branch reset lakebed://trips/no --yes
branch reset lakebed://trips/main --hard no --yes
commit lakebed://trips/no -m x
commit lakebed://none/main -m x
log lakebed://trips/no
log lakebed://trips/main~9
reflog lakebed://trips/no
show lakebed://trips/no
show lakebed://trips/0123456789abcdef
diff lakebed://trips/no
diff lakebed://trips/main lakebed://trips/no
merge lakebed://trips/no lakebed://trips/main
merge lakebed://trips/main lakebed://trips/no
merge-base lakebed://trips/main lakebed://trips/no
revert lakebed://trips/no main
revert lakebed://trips/main no
cherry-pick lakebed://trips/no main
cherry-pick lakebed://trips/main no
rebase lakebed://trips/no --onto main
rebase lakebed://trips/main --onto no
job list lakebed://none
job show lakebed://trips 00000000000000000000000000000001
job wait lakebed://trips 00000000000000000000000000000001
job cancel lakebed://trips 00000000000000000000000000000001
import lakebed://trips/no --from s3://lake/x/ --to x/
import lakebed://trips/main --from local://trips/nothing/ --to x/
import lakebed://trips/main --from local://trips/nothing --to x
refs dump lakebed://none
tag create lakebed://none/v2 --source main
tag create lakebed://trips/v2 --source no
tag list lakebed://none
tag show lakebed://trips/no
tag show lakebed://trips/main
tag delete lakebed://trips/no --yes
tag delete lakebed://trips/main --yes
fs ls lakebed://trips/no/
fs ls lakebed://trips/main/no
fs cat lakebed://trips/main/no
fs stat lakebed://trips/main/no
fs upload no lakebed://trips/main/x
fs upload file lakebed://trips/no/x
fs upload file lakebed://trips/no/x --dry-run
fs upload -r no lakebed://trips/main/x
fs upload -r no lakebed://trips/main/x --delete --yes
fs download lakebed://trips/main/no x
fs download -r lakebed://trips/main/no x
fs download -r lakebed://trips/main/no x --delete --yes
fs download -r lakebed://trips/no/ x --delete --yes
fs cp lakebed://trips/main/no lakebed://trips/main/x
fs cp lakebed://trips/main/no lakebed://trips/main/x --dry-run
fs cp -r lakebed://trips/main/no lakebed://trips/main/x
fs cp -r lakebed://trips/main/no lakebed://trips/main/x --dry-run
fs cp lakebed://trips/main/file lakebed://trips/no/x
fs cp lakebed://trips/main/file lakebed://trips/no/x --dry-run
fs mv lakebed://trips/main/no lakebed://trips/main/x
fs mv lakebed://trips/main/no lakebed://trips/main/x --dry-run
fs mv -r lakebed://trips/main/no lakebed://trips/main/x
fs rm lakebed://trips/main/no
fs rm -r lakebed://trips/main/no
fs rm -r lakebed://trips/no/
fs rm lakebed://trips/main/no --dry-run
auth users show no
auth users delete no --yes
auth users end-sessions no
auth groups show no
auth groups delete no --yes
auth groups add no admin
auth groups add Admins no
auth groups remove no admin
auth groups remove Admins no
auth policies show no
auth policies delete no --yes
auth policies update no --document policy.json
auth policies attach no --user admin
auth policies attach FSReadAll --user no
auth policies attach FSReadAll --group no
auth policies detach no --user admin
auth policies detach FSReadAll --user no
auth credentials create --user no
auth credentials list --user no
auth credentials delete AKIANO --yes
auth credentials delete AKIANO --user no --yes
fsck lakebed://none
";

#[test]
fn what_is_not_there_is_its_own_exit_code() {
    let server = TestServer::start();
    let file = |name: &str, text: &str| {
        std::fs::File::create(server.folder().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    };
    file("file", "text");
    file("policy.json", r#"{"statement": [{"effect": "allow", "action": ["fs:ReadObject"], "resource": "*"}]}"#);
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    server.lakebed_ok(&["fs", "upload", "file", "lakebed://trips/main/file"]);
    server.lakebed_ok(&["tag", "create", "lakebed://trips/v1", "--source", "main"]);
    let mut others = Vec::new();
    for line in UNKNOWN.lines().filter(|line| !line.is_empty()) {
        let output = server.lakebed(&line.split(' ').collect::<Vec<_>>());
        if output.status.code() != Some(4) {
            others.push(format!("{line}: {:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}
