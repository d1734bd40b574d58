"""The `lakefs` package: repositories, branches, tags, transactions, objects as streams, diffs, merges."""

import csv
import io

import lakefs
import lakefs_sdk
import pyarrow.parquet
from lakefs.client import Client
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotAuthorizedException,
    NotFoundException,
    ObjectExistsException,
    ObjectNotFoundException,
    TransactionException,
)

from common import BIG, CA, ENDPOINT, KEY, ODD_KEYS, REPOSITORY, SECRET, check, data, done, equal, raises

arguments = {"ssl_ca_cert": CA} if CA else {}
client = Client(host=ENDPOINT, username=KEY, password=SECRET, **arguments)
check(client.version, "the server says its version")
signs = client.storage_config.pre_sign_support
equal(signs, client.storage_config.blockstore_type == "s3", "a local store signs nothing")

# Repositories.
namespace = f"{client.storage_config.default_namespace_prefix}made-by-lakefs"
made = lakefs.repository("made-by-lakefs", client=client).create(storage_namespace=namespace, default_branch="trunk")
equal(made.properties.storage_namespace, namespace)
equal(made.properties.default_branch, "trunk")
raises(ConflictException, made.create, storage_namespace=namespace + "-2")
made.create(storage_namespace=namespace, exist_ok=True)
equal(sorted(found.id for found in lakefs.repositories(client=client)), sorted([REPOSITORY, "made-by-lakefs"]))
made.delete()
raises(NotFoundException, lambda: lakefs.repository("made-by-lakefs", client=client).properties)
stranger = Client(host=ENDPOINT, username=KEY, password="wrong", **arguments)
raises(NotAuthorizedException, lambda: lakefs.repository(REPOSITORY, client=stranger).properties)

# Branches and tags.
repository = lakefs.repository(REPOSITORY, client=client)
main = repository.branch("main")
dev = repository.branch("dev").create(source_reference="main")
raises(ConflictException, repository.branch("dev").create, source_reference="main")
repository.branch("dev").create(source_reference="main", exist_ok=True)
equal([branch.id for branch in repository.branches()], ["dev", "main"])
equal([branch.id for branch in repository.branches(prefix="ma")], ["main"])
equal(dev.get_commit().id, main.head.id)

# Objects as streams.
for i, key in enumerate(ODD_KEYS):
    dev.object(key).upload(data(100, i), mode="wb")
    with dev.object(key).reader(mode="rb") as reader:
        equal(reader.read(), data(100, i), key)
body = data(BIG)
with dev.object("big.bin").writer(mode="wb", content_type="application/x-big", metadata={"color": "blue"}) as writer:
    for at in range(0, BIG, 1 << 20):
        writer.write(body[at : at + (1 << 20)])
stat = dev.object("big.bin").stat()
equal((stat.size_bytes, stat.content_type, stat.metadata), (BIG, "application/x-big", {"color": "blue"}))
with dev.object("big.bin").reader(mode="rb") as reader:
    reader.seek(70 << 20)
    check(reader.read(5000) == body[70 << 20 : (70 << 20) + 5000], "a part differs")
    check(len(reader.read()) == BIG - (70 << 20) - 5000, "the rest is as long as it must be")
    equal(reader.read(1), b"", "behind the end")
dev.object("table.csv").upload("a,b\n1,2\n3,4\n", content_type="text/csv")
with dev.object("table.csv").reader(mode="r") as reader:
    equal([row for row in csv.reader(reader)], [["a", "b"], ["1", "2"], ["3", "4"]])
raises(ObjectExistsException, dev.object("table.csv").upload, "x", mode="x")
dev.object("new.txt").upload("x", mode="x")
copy = dev.object("table.csv").copy("dev", "copies/table.csv")
equal(copy.stat().physical_address, dev.object("table.csv").stat().physical_address, "no byte was copied")
check(dev.object("copies/table.csv").exists() and not dev.object("nothing").exists(), "exists")
raises(ObjectNotFoundException, lambda: dev.object("nothing").stat())
check(not signs or "X-Amz-Signature" in dev.object("table.csv").stat(pre_sign=True).physical_address, "a signed URL")
raises(ObjectNotFoundException, lambda: dev.object("nothing").reader().read())
dev.object("new.txt").delete()
dev.delete_objects(["copies/table.csv", "never-there"])
listed = [entry.path for entry in dev.objects(prefix="odd/")]
equal(listed, sorted((key for key in ODD_KEYS if key.startswith("odd/")), key=str.encode), "in the order of bytes")
top = [entry.path for entry in dev.objects(delimiter="/")]
equal(top, ["/", "big.bin", "odd/", "table.csv"], "with common prefixes")
dev.object("folder/x").upload("x")
dev.reset_changes("object", "folder/x")
check(not dev.object("folder/x").exists(), "a reset drops it")

# Commits, diffs, merges.
equal({change.type for change in dev.uncommitted()}, {"added"})
commit = dev.commit("objects", metadata={"source": "test"})
equal(commit.get_commit().metadata, {"source": "test"})
raises(BadRequestException, dev.commit, "nothing")
changes = sorted(change.path for change in main.diff(dev))
equal(len(changes), len(ODD_KEYS) + 2)
merged = dev.merge_into(main)
equal(main.head.id, merged)
equal([entry.message for entry in main.log(max_amount=2)], ["Merge 'dev' into 'main'", "objects"])
equal(main.object("table.csv").reader(mode="r").read(), "a,b\n1,2\n3,4\n")
equal(repository.ref("main~1").get_commit().id != merged, True)
for branch in (main, dev):
    branch.object("both").upload(branch.id)
    branch.commit(f"both on {branch.id}")
error = raises(ConflictException, dev.merge_into, main)
check("both" in str(error), error)
dev.merge_into(main, strategy="source-wins")
equal(main.object("both").reader(mode="r").read(), "dev")
main.object("later").upload("1")
later = main.commit("later")
main.revert(later)
check(not main.object("later").exists(), "taken back")
dev.cherry_pick(later)
check(dev.object("later").exists(), "made again")

tag = repository.tag("v1.0").create("main")
equal(tag.get_commit().id, main.head.id)
raises(ConflictException, repository.tag("v1.0").create, "dev")
equal([found.id for found in repository.tags()], ["v1.0"])
equal(tag.object("both").reader(mode="r").read(), "dev")
tag.delete()
check("source" not in repository.metadata, "nothing is noted")

# Protected branches, and a sample.
protection = lakefs_sdk.BranchProtectionRule(pattern="release-*")
client.sdk_client.repositories_api.set_branch_protection_rules(REPOSITORY, branch_protection_rule=[protection])
release = repository.branch("release-1").create("main")
raises(ForbiddenException, release.object("x").upload, "x", pre_sign=False)
raises(ForbiddenException, release.delete)
client.sdk_client.repositories_api.set_branch_protection_rules(REPOSITORY, branch_protection_rule=[])
release.delete()
sample = lakefs.repository("sample", client=client)
sample.create(storage_namespace=f"{client.storage_config.default_namespace_prefix}sample", include_samples=True)
folders = ["README.md", "data/", "images/", "lakes.parquet"]
equal([entry.path for entry in sample.branch("main").objects(delimiter="/")], folders)
with sample.branch("main").object("lakes.parquet").reader(mode="rb") as reader:
    equal(pyarrow.parquet.read_table(io.BytesIO(reader.read())).num_rows, 744)
sample.delete()

# Transactions.
with main.transact(commit_message="all or nothing", commit_metadata={"k": "v"}, tag="after-transaction") as transaction:
    transaction.object("transaction/1").upload("1")
    transaction.object("transaction/2").upload("2")
    check(not main.object("transaction/1").exists(), "nothing is seen outside")
    equal([branch.id for branch in repository.branches(prefix="tx-")], [])
    equal(len(list(repository.branches(prefix="tx-", show_hidden=True))), 1)
equal([entry.path for entry in main.objects(prefix="transaction/")], ["transaction/1", "transaction/2"])
equal(repository.tag("after-transaction").get_commit().id, main.head.id)
try:
    with main.transact() as transaction:
        transaction.object("transaction/3").upload("3")
        raise KeyError("the work failed")
except KeyError:
    pass
check(not main.object("transaction/3").exists(), "nothing of it remains")
try:
    with main.transact() as transaction:
        transaction.object("both").upload("transaction")
        main.object("both").upload("another")
        main.commit("comes between")
except TransactionException:
    pass
equal(main.object("both").reader(mode="r").read(), "another", "a conflict leaves main alone")
equal([branch.id for branch in repository.branches()], ["dev", "main"], "no transaction's branch is left")
dev.delete()
done()
