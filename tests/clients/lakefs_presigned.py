"""Bytes that go past the server, by URLs that it signs: uploads whole and in parts, downloads, listings."""

import lakefs
import lakefs_sdk
import urllib3
from lakefs.client import Client
from lakefs_sdk.client import LakeFSClient
from lakefs_sdk.exceptions import ApiException

from common import CA, ENDPOINT, KEY, REPOSITORY, SECRET, check, data, done, equal

configuration = lakefs_sdk.Configuration(host=ENDPOINT, username=KEY, password=SECRET, ssl_ca_cert=CA)
client = LakeFSClient(configuration)
objects, staging, parts = client.objects_api, client.staging_api, client.experimental_api
store = urllib3.PoolManager()


def put(url: str, body: bytes) -> str:
    """Sends bytes to the object store as anybody could who has the URL; returns their ETag."""
    answer = store.request("PUT", url, body=body)
    equal(answer.status, 200, answer.data.decode())
    return answer.headers["ETag"]


def status(call, *arguments, **named) -> int:
    try:
        call(*arguments, **named)
    except ApiException as error:
        return error.status
    raise AssertionError("it succeeded")


config = client.config_api.get_config().storage_config
check(config.pre_sign_support and config.pre_sign_multipart_upload and config.blockstore_type == "s3", config)

# Whole.
location = staging.get_physical_address(REPOSITORY, "main", "whole", presign=True)
check(location.presigned_url and location.presigned_url_expiry, location)
metadata = lakefs_sdk.StagingMetadata(staging=location, checksum="x", size_bytes=3)
equal(status(staging.link_physical_address, REPOSITORY, "main", "whole", metadata), 400, "nothing is there yet")
tag = put(location.presigned_url, data(100_000))
metadata = lakefs_sdk.StagingMetadata(staging=location, checksum=tag, size_bytes=100_000, user_metadata={"k": "v"})
linked = staging.link_physical_address(REPOSITORY, "main", "whole", metadata)
equal((linked.path, linked.size_bytes, linked.metadata), ("whole", 100_000, {"k": "v"}))
check(objects.get_object(REPOSITORY, "main", "whole") == data(100_000), "through the server")
check(objects.get_object(REPOSITORY, "main", "whole", presign=True) == data(100_000), "past the server")
put(location.presigned_url, data(100_000, 9))
check(objects.get_object(REPOSITORY, "main", "whole") == data(100_000), "what is linked is out of the URL's reach")
check(location.physical_address.rsplit("/", 1)[1] not in objects.stat_object(REPOSITORY, "main", "whole").physical_address)
again = staging.link_physical_address(REPOSITORY, "main", "whole", metadata)
equal(again.physical_address, linked.physical_address, "a link that is tried again has its answer")
equal(status(staging.link_physical_address, REPOSITORY, "main", "elsewhere", metadata), 400, "it is of one path")

# In parts, with one more than was asked for at first.
MIB = 1 << 20
pieces = [data(5 * MIB, 1), data(5 * MIB, 2), data(1000, 3)]
upload = parts.create_presign_multipart_upload(REPOSITORY, "main", "parts", parts=2)
equal(len(upload.presigned_urls), 2)
third = parts.upload_part(REPOSITORY, "main", upload.upload_id, "parts", 3,
                          upload_part_from=lakefs_sdk.UploadPartFrom(physical_address=upload.physical_address))
urls = [*upload.presigned_urls, third.presigned_url]
sent = [lakefs_sdk.UploadPart(part_number=number, etag=put(url, piece))
        for number, (url, piece) in enumerate(zip(urls, pieces), 1)]
whole = lakefs_sdk.CompletePresignMultipartUpload(physical_address=upload.physical_address, parts=sent)
completed = parts.complete_presign_multipart_upload(
    REPOSITORY, "main", upload.upload_id, "parts", complete_presign_multipart_upload=whole)
equal((completed.size_bytes, completed.checksum.endswith("-3")), (10 * MIB + 1000, True))
check(objects.get_object(REPOSITORY, "main", "parts", presign=True) == b"".join(pieces), "all parts in order")
most = parts.create_presign_multipart_upload(REPOSITORY, "main", "most", parts=10_000)
equal(len(set(most.presigned_urls)), 10_000)
equal(status(parts.create_presign_multipart_upload, REPOSITORY, "main", "most", parts=10_001), 400)
equal(parts.create_presign_multipart_upload(REPOSITORY, "main", "none").presigned_urls, None)
given_up = parts.create_presign_multipart_upload(REPOSITORY, "main", "given-up", parts=1)
abort = lakefs_sdk.AbortPresignMultipartUpload(physical_address=given_up.physical_address)
parts.abort_presign_multipart_upload(
    REPOSITORY, "main", given_up.upload_id, "given-up", abort_presign_multipart_upload=abort)
check(store.request("PUT", given_up.presigned_urls[0], body=b"late").status >= 400, "it was given up")

# What is known of objects, one and many.
signed = objects.stat_object(REPOSITORY, "main", "whole", presign=True)
check(signed.physical_address_expiry and store.request("GET", signed.physical_address).data == data(100_000), signed)
listed = {entry.path: entry for entry in objects.list_objects(REPOSITORY, "main", presign=True).results}
equal(sorted(listed), ["parts", "whole"])
check(store.request("GET", listed["parts"].physical_address).data == b"".join(pieces), "by the listing's URL")

# The package above it.
branch = lakefs.repository(REPOSITORY, client=Client(**{"host": ENDPOINT, "username": KEY, "password": SECRET,
                                                        **({"ssl_ca_cert": CA} if CA else {})})).branch("main")
branch.object("stream").upload(data(1000, 4), pre_sign=True)
with branch.object("stream").reader(mode="rb", pre_sign=True) as reader:
    reader.seek(10)
    equal(reader.read(10), data(1000, 4)[10:20])
commit = branch.commit("all of it").get_commit()
equal(objects.get_object(REPOSITORY, commit.id, "stream", presign=True), data(1000, 4))
done()
