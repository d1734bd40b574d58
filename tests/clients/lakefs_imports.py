"""The `lakefs` package's imports: from a bucket and a folder in one commit, waited for and asked after; what fails."""

import os
from datetime import timedelta

import lakefs
from lakefs.client import Client
from lakefs.exceptions import ConflictException, ImportManagerException, NotFoundException

from common import CA, ENDPOINT, KEY, REPOSITORY, SECRET, check, done, equal, raises

BUCKET, FOLDER = os.environ["LAKEBED_TEST_BUCKET_URL"], os.environ["LAKEBED_TEST_FOLDER_URL"]
SOON = timedelta(milliseconds=50)


arguments = {"ssl_ca_cert": CA} if CA else {}
client = Client(host=ENDPOINT, username=KEY, password=SECRET, **arguments)
check(client.storage_config.import_support, "the server says that it can import")
main = lakefs.repository(REPOSITORY, client=client).branch("main")

importer = main.import_data(commit_message="take in", metadata={"from": "afar"})
importer.prefix(BUCKET, destination="bucket/").prefix(FOLDER, destination="folder/")
importer.object(FOLDER + "1", destination="one")
status = importer.run(poll_interval=SOON)
equal((status.completed, status.ingested_objects, status.commit.id), (True, 4, main.head.id))
equal((status.commit.message, status.commit.metadata), ("take in", {"from": "afar", ".lakefs.merge.strategy": "source-wins"}))
equal([entry.path for entry in main.objects()], ["bucket/a", "bucket/b/c", "folder/1", "one"])
equal(main.object("bucket/b/c").reader(mode="r").read(), "in the bucket: 2026/b/c")
equal(main.object("folder/1").reader(mode="r").read(), "in the folder")
raises(ConflictException, importer.cancel)

before = main.head.id
elsewhere = main.import_data(commit_message="no").prefix("s3://somewhere-else/", destination="x/")
error = raises(ImportManagerException, elsewhere.run, poll_interval=SOON)
check("import_allow" in str(error), error)
nowhere = lakefs.repository(REPOSITORY, client=client).branch("none").import_data()
raises(NotFoundException, nowhere.prefix(FOLDER, destination="").start)
stranger = main.import_data()
stranger._import_id = "00" * 16
raises(NotFoundException, stranger.status)
equal(main.head.id, before, "nothing was committed")
done()
