"""The generated `lakefs-sdk`: the operations under what `lakefs` uses, with their models and statuses."""

import lakefs_sdk
from lakefs_sdk.client import LakeFSClient
from lakefs_sdk.exceptions import ApiException

from common import CA, ENDPOINT, KEY, REPOSITORY, SECRET, check, done, equal

configuration = lakefs_sdk.Configuration(host=ENDPOINT, username=KEY, password=SECRET, ssl_ca_cert=CA)
client = LakeFSClient(configuration)


def status(call, *arguments, **named) -> int:
    try:
        call(*arguments, **named)
    except ApiException as error:
        check(b"message" in error.body.encode() if isinstance(error.body, str) else b"message" in error.body, error.body)
        return error.status
    raise AssertionError("it succeeded")


client.health_check_api.health_check()
equal(client.internal_api.get_setup_state().state, "initialized")
equal(client.auth_api.get_current_user().user.id, "admin")
config = client.config_api.get_config()
equal(config.storage_config.blockstore_type, "local")
equal(client.internal_api.get_lake_fs_version().version, config.version_config.version)

branches, objects, refs, commits = client.branches_api, client.objects_api, client.refs_api, client.commits_api
creation = lakefs_sdk.BranchCreation(name="dev", source="main")
head = branches.create_branch(REPOSITORY, creation)
equal(branches.get_branch(REPOSITORY, "dev").commit_id, head)
equal(status(branches.create_branch, REPOSITORY, creation), 409)
equal(status(branches.get_branch, REPOSITORY, "nothing"), 404)
equal(status(branches.delete_branch, REPOSITORY, "main"), 403)

# A form's field, as the generated client uploads.
stats = objects.upload_object(REPOSITORY, "dev", "a/b", content=b"in a form")
equal((stats.path, stats.size_bytes, stats.path_type), ("a/b", 9, "object"))
equal(objects.get_object(REPOSITORY, "dev", "a/b"), b"in a form")
equal(objects.get_object(REPOSITORY, "dev", "a/b", range="bytes=3-"), b"a form")
equal(status(objects.get_object, REPOSITORY, "dev", "a/b", range="bytes=99-"), 416)
equal(status(objects.upload_object, REPOSITORY, "dev", "a/b", content=b"x", if_none_match="*"), 412)
headers = objects.head_object_with_http_info(REPOSITORY, "dev", "a/b").headers
equal((headers["Content-Length"], headers["ETag"]), ("9", f'"{stats.checksum}"'))
page = objects.list_objects(REPOSITORY, "dev", delimiter="/", amount=1)
equal((page.results[0].path, page.results[0].path_type, page.pagination.has_more), ("a/", "common_prefix", False))
objects.copy_object(REPOSITORY, "dev", "c", lakefs_sdk.ObjectCopyCreation(src_path="a/b", shallow=True))
metadata = lakefs_sdk.UpdateObjectUserMetadata(set={"k": "v"})
client.experimental_api.update_object_user_metadata(REPOSITORY, "dev", "c", metadata)
equal(objects.stat_object(REPOSITORY, "dev", "c").metadata, {"k": "v"})
check(objects.stat_object(REPOSITORY, "dev", "c", user_metadata=False).metadata is None, "metadata wasn't asked for")
equal(objects.delete_objects(REPOSITORY, "dev", lakefs_sdk.PathList(paths=["c", "d"])).errors, [])

first = commits.commit(REPOSITORY, "dev", lakefs_sdk.CommitCreation(message="first", date=1_700_000_000))
equal((first.creation_date, first.committer, first.message), (1_700_000_000, "admin", "first"))
equal(commits.get_commit(REPOSITORY, first.id), first)
diff = refs.diff_refs(REPOSITORY, "main", "dev", type="two_dot", include_right_stats=True)
equal([(change.path, change.type, change.right.checksum) for change in diff.results], [("a/b", "added", stats.checksum)])
base = refs.find_merge_base(REPOSITORY, "dev", "main")
equal((base.base_commit_id, base.source_commit_id), (head, first.id))
merged = refs.merge_into_branch(REPOSITORY, "dev", "main", lakefs_sdk.Merge(message="bring", squash_merge=True))
equal(commits.get_commit(REPOSITORY, merged.reference).parents, [head])
log = refs.log_commits(REPOSITORY, "main", amount=1)
equal((log.results[0].id, log.pagination.has_more), (merged.reference, True))
client.experimental_api.hard_reset_branch(REPOSITORY, "main", ref=head)
equal(branches.get_branch(REPOSITORY, "main").commit_id, head)

equal(status(client.actions_api.list_repository_runs, REPOSITORY), 501)
configuration = lakefs_sdk.Configuration(host=ENDPOINT, username=KEY, password="wrong", ssl_ca_cert=CA)
equal(status(LakeFSClient(configuration).repositories_api.list_repositories), 401)
done()
