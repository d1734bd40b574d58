"""boto3: every operation that Lakebed has, as the most used S3 client sends it."""

import base64
import hashlib
import io
import urllib.error
import urllib.request
import ssl
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

from common import BIG, BRANCH, CA, ENDPOINT, ODD_KEYS, REPOSITORY, SECURE, check, data, equal


def client(**config):
    return boto3.client("s3", endpoint_url=ENDPOINT, config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **config))


s3 = client()


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, str(arguments)[:200])
        return error.response
    raise AssertionError(f"{call.__name__} should have been refused with {code}")


def at(key, branch=BRANCH):
    return {"Bucket": REPOSITORY, "Key": f"{branch}/{key}"}


def objects_and_odd_keys():
    for i, key in enumerate(ODD_KEYS):
        body = data(100 + i, i)
        put = s3.put_object(**at(key), Body=body)
        equal(put["ETag"], '"%s"' % hashlib.md5(body).hexdigest(), key)
        got = s3.get_object(**at(key))
        equal(got["Body"].read(), body, key)
        equal(s3.head_object(**at(key))["ContentLength"], len(body), key)
    listed = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=REPOSITORY, Prefix=f"{BRANCH}/", PaginationConfig={"PageSize": 3}) for o in page.get("Contents", [])]
    equal(listed, sorted((f"{BRANCH}/{k}" for k in ODD_KEYS), key=lambda k: k.encode()), "listing by pages of 3")
    v1 = [o["Key"] for page in s3.get_paginator("list_objects").paginate(Bucket=REPOSITORY, Prefix=f"{BRANCH}/", PaginationConfig={"PageSize": 4}) for o in page.get("Contents", [])]
    equal(v1, listed, "version 1 lists the same")
    s3.put_object(**at("empty"), Body=b"")
    equal(s3.get_object(**at("empty"))["Body"].read(), b"", "empty object")


def metadata_and_headers():
    s3.put_object(**at("meta"), Body=b"x", Metadata={"colour": "blue", "Shape": "round"}, ContentType="text/plain; charset=utf-8",
                  CacheControl="max-age=60", ContentDisposition='attachment; filename="a b.txt"', ContentEncoding="identity", ContentLanguage="de")
    head = s3.head_object(**at("meta"))
    equal(head["Metadata"], {"colour": "blue", "shape": "round"}, "user metadata")
    for name, value in {"ContentType": "text/plain; charset=utf-8", "CacheControl": "max-age=60", "ContentDisposition": 'attachment; filename="a b.txt"', "ContentLanguage": "de"}.items():
        equal(head[name], value, name)
    over = s3.get_object(**at("meta"), ResponseContentType="application/x-other", ResponseCacheControl="no-store")
    equal((over["ContentType"], over["CacheControl"]), ("application/x-other", "no-store"), "response overrides")
    refused("MetadataTooLarge", s3.put_object, **at("meta-big"), Body=b"", Metadata={"a": "x" * 3000})


def ranges_and_conditions():
    body = data(5000)
    put = s3.put_object(**at("conditions"), Body=body)
    tag = put["ETag"]
    for spec, wanted in {"bytes=0-9": body[:10], "bytes=4990-": body[4990:], "bytes=-7": body[-7:], "bytes=-99999": body, "bytes=100-99999": body[100:]}.items():
        got = s3.get_object(**at("conditions"), Range=spec)
        equal(got["Body"].read(), wanted, spec)
        equal(got["ResponseMetadata"]["HTTPStatusCode"], 206, spec)
    refused("InvalidRange", s3.get_object, **at("conditions"), Range="bytes=5000-")
    equal(s3.get_object(**at("conditions"), IfMatch=tag)["ETag"], tag, "If-Match")
    refused("PreconditionFailed", s3.get_object, **at("conditions"), IfMatch='"other"')
    equal(refused("304", s3.head_object, **at("conditions"), IfNoneMatch=tag)["ResponseMetadata"]["HTTPStatusCode"], 304, "If-None-Match")
    modified = s3.head_object(**at("conditions"))["LastModified"]
    refused("304", s3.head_object, **at("conditions"), IfModifiedSince=modified)
    equal(s3.head_object(**at("conditions"), IfUnmodifiedSince=modified)["ETag"], tag, "If-Unmodified-Since")
    refused("PreconditionFailed", s3.put_object, **at("conditions"), Body=b"new", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, **at("conditions"), Body=b"new", IfMatch='"other"')
    s3.put_object(**at("conditions"), Body=b"new", IfMatch=tag)
    s3.put_object(**at("conditions-absent"), Body=b"first", IfNoneMatch="*")
    equal(s3.get_object(**at("conditions"))["Body"].read(), b"new", "after If-Match")


def checksums():
    body = data(1000)
    for name in ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128"]:
        put = s3.put_object(**at(f"sum-{name}"), Body=body, ChecksumAlgorithm=name)
        got = s3.get_object(**at(f"sum-{name}"), ChecksumMode="ENABLED")
        equal(got[f"Checksum{name}"], put[f"Checksum{name}"], name)
        equal(got["Body"].read(), body, name)
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    s3.put_object(**at("sum-MD5"), Body=body, ChecksumMD5=md5)
    equal(s3.head_object(**at("sum-MD5"), ChecksumMode="ENABLED")["ChecksumMD5"], md5, "MD5, which boto3 leaves to its caller")
    copied = s3.copy_object(**at("sum-copied"), CopySource=at("sum-MD5"), ChecksumAlgorithm="XXHASH3")["CopyObjectResult"]
    equal(copied["ChecksumXXHASH3"], s3.head_object(**at("sum-XXHASH3"), ChecksumMode="ENABLED")["ChecksumXXHASH3"], "a copy's own checksum")
    upload = s3.create_multipart_upload(**at("sum-parts"), ChecksumAlgorithm="XXHASH128")
    parts = [{"PartNumber": 1, **{name: s3.upload_part(**at("sum-parts"), UploadId=upload["UploadId"], PartNumber=1, Body=body, ChecksumAlgorithm="XXHASH128")[name] for name in ("ETag", "ChecksumXXHASH128")}}]
    whole = s3.complete_multipart_upload(**at("sum-parts"), UploadId=upload["UploadId"], MultipartUpload={"Parts": parts})
    equal((whole["ChecksumType"], whole["ChecksumXXHASH128"][-2:]), ("COMPOSITE", "-1"), "the checksum of parts")
    right = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    equal(s3.get_object(**at("sum-CRC32"), ChecksumMode="ENABLED")["ChecksumCRC32"], right, "CRC32 itself")
    refused("BadDigest", s3.put_object, **at("sum-bad"), Body=body, ChecksumCRC32="AAAAAA==")
    refused("BadDigest", s3.put_object, **at("sum-bad"), Body=body, ContentMD5=base64.b64encode(b"0" * 16).decode())
    equal(refused("404", s3.head_object, **at("sum-bad"))["ResponseMetadata"]["HTTPStatusCode"], 404, "a wrong digest stores nothing")


def multipart():
    body = data(BIG)
    s3.upload_fileobj(io.BytesIO(body), REPOSITORY, f"{BRANCH}/big", Config=TransferConfig(multipart_chunksize=8 << 20, max_concurrency=4))
    head = s3.head_object(**at("big"))
    equal(head["ContentLength"], BIG, "size")
    digests = [hashlib.md5(body[i : i + (8 << 20)]).digest() for i in range(0, BIG, 8 << 20)]
    equal(head["ETag"], '"%s-%d"' % (hashlib.md5(b"".join(digests)).hexdigest(), len(digests)), "multipart ETag")
    back = io.BytesIO()
    s3.download_fileobj(REPOSITORY, f"{BRANCH}/big", back, Config=TransferConfig(multipart_chunksize=5 << 20, max_concurrency=4))
    check(back.getvalue() == body, "the downloaded bytes differ")

    upload = s3.create_multipart_upload(**at("by-hand"), Metadata={"made": "by hand"}, ContentType="text/x-parts")["UploadId"]
    equal([u["UploadId"] for u in s3.list_multipart_uploads(Bucket=REPOSITORY, Prefix=f"{BRANCH}/by-hand")["Uploads"]], [upload], "uploads")
    one = s3.upload_part(**at("by-hand"), UploadId=upload, PartNumber=1, Body=body[: 5 << 20])
    copied = s3.upload_part_copy(**at("by-hand"), UploadId=upload, PartNumber=7, CopySource=at("big"), CopySourceRange="bytes=0-99")
    refused("InvalidArgument", s3.upload_part_copy, **at("by-hand"), UploadId=upload, PartNumber=8, CopySource=at("big"), CopySourceRange=f"bytes=0-{BIG}")
    equal([p["PartNumber"] for p in s3.list_parts(**at("by-hand"), UploadId=upload)["Parts"]], [1, 7], "parts")
    parts = [{"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 7, "ETag": copied["CopyPartResult"]["ETag"]}]
    refused("InvalidPartOrder", s3.complete_multipart_upload, **at("by-hand"), UploadId=upload, MultipartUpload={"Parts": parts[::-1]})
    refused("InvalidPart", s3.complete_multipart_upload, **at("by-hand"), UploadId=upload, MultipartUpload={"Parts": [parts[0], {**parts[1], "ETag": '"%s"' % ("0" * 32)}]})
    s3.complete_multipart_upload(**at("by-hand"), UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(**at("by-hand"))
    equal(got["Metadata"], {"made": "by hand"}, "metadata of the upload")
    equal(got["ContentType"], "text/x-parts", "type of the upload")
    check(got["Body"].read() == body[: 5 << 20] + body[:100], "the parts' bytes differ")

    upload = s3.create_multipart_upload(**at("aborted"))["UploadId"]
    s3.upload_part(**at("aborted"), UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**at("aborted"), UploadId=upload)
    refused("NoSuchUpload", s3.list_parts, **at("aborted"), UploadId=upload)
    refused("NoSuchKey", s3.get_object, **at("aborted"))
    upload = s3.create_multipart_upload(**at("small"))["UploadId"]
    small = [{"PartNumber": n, "ETag": s3.upload_part(**at("small"), UploadId=upload, PartNumber=n, Body=b"x")["ETag"]} for n in (1, 2)]
    refused("EntityTooSmall", s3.complete_multipart_upload, **at("small"), UploadId=upload, MultipartUpload={"Parts": small})
    s3.abort_multipart_upload(**at("small"), UploadId=upload)
    upload = s3.create_multipart_upload(**at("conditions"))["UploadId"]
    part = s3.upload_part(**at("conditions"), UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    refused("PreconditionFailed", s3.complete_multipart_upload, **at("conditions"), UploadId=upload, IfNoneMatch="*", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    s3.abort_multipart_upload(**at("conditions"), UploadId=upload)


def copies_and_deletions():
    s3.copy_object(**at("copied"), CopySource=at("meta"))
    equal(s3.head_object(**at("copied"))["Metadata"], {"colour": "blue", "shape": "round"}, "a copy keeps the metadata")
    s3.copy_object(**at("copied"), CopySource=at("meta"), MetadataDirective="REPLACE", Metadata={"new": "1"})
    equal(s3.head_object(**at("copied"))["Metadata"], {"new": "1"}, "a copy replaces the metadata")
    odd = ODD_KEYS[4]
    s3.copy_object(**at("copied-odd"), CopySource=at(odd))
    equal(s3.get_object(**at("copied-odd"))["Body"].read(), s3.get_object(**at(odd))["Body"].read(), "copy of an odd key")
    s3.delete_object(**at("copied"))
    s3.delete_object(**at("copied"))  # again: no error
    refused("NoSuchKey", s3.get_object, **at("copied"))
    keys = [f"many/{i}" for i in range(20)]
    for key in keys:
        s3.put_object(**at(key), Body=b"x")
    answer = s3.delete_objects(Bucket=REPOSITORY, Delete={"Objects": [{"Key": f"{BRANCH}/{k}"} for k in keys + ["many/never"]]})
    equal(len(answer["Deleted"]), 21, "batch deletion")
    check("Contents" not in s3.list_objects_v2(Bucket=REPOSITORY, Prefix=f"{BRANCH}/many/"), "all are gone")


def tags():
    def told(key):
        return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**at(key))["TagSet"]}

    s3.put_object(**at("tagged"), Body=b"x", Tagging="team=data+lake&%C3%A9=")
    equal(told("tagged"), {"team": "data lake", "é": ""}, "tags of a PUT")
    equal(s3.get_object(**at("tagged"))["TagCount"], 2, "their count")
    tag = s3.head_object(**at("tagged"))["ETag"]
    s3.put_object_tagging(**at("tagged"), Tagging={"TagSet": [{"Key": "a", "Value": "1 + 1 = 2"}]})
    equal(told("tagged"), {"a": "1 + 1 = 2"}, "tags that are replaced")
    equal(s3.head_object(**at("tagged"))["ETag"], tag, "the object stays")
    s3.copy_object(**at("tagged-copy"), CopySource=at("tagged"))
    equal(told("tagged-copy"), {"a": "1 + 1 = 2"}, "tags of a copy")
    s3.copy_object(**at("tagged-copy"), CopySource=at("tagged"), TaggingDirective="REPLACE", Tagging="b=2")
    equal(told("tagged-copy"), {"b": "2"}, "a copy's own tags")
    s3.upload_fileobj(io.BytesIO(data(6 << 20)), REPOSITORY, f"{BRANCH}/tagged-big", ExtraArgs={"Tagging": "c=3"}, Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
    equal(told("tagged-big"), {"c": "3"}, "tags of an upload in parts")
    s3.delete_object_tagging(**at("tagged"))
    equal(told("tagged"), {}, "no tags are left")
    refused("InvalidTag", s3.put_object_tagging, **at("tagged"), Tagging={"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]})
    refused("BadRequest", s3.put_object_tagging, **at("tagged"), Tagging={"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]})
    refused("InvalidArgument", s3.put_object, **at("tagged"), Body=b"", Tagging="a=1&a=2")
    refused("NoSuchKey", s3.get_object_tagging, **at("never"))


def settings():
    check("Status" not in s3.get_bucket_versioning(Bucket=REPOSITORY), "no versioning")
    for code, call in {
        "NoSuchBucketPolicy": s3.get_bucket_policy, "NoSuchCORSConfiguration": s3.get_bucket_cors, "NoSuchTagSet": s3.get_bucket_tagging,
        "NoSuchLifecycleConfiguration": s3.get_bucket_lifecycle_configuration, "NoSuchWebsiteConfiguration": s3.get_bucket_website,
        "NoSuchPublicAccessBlockConfiguration": s3.get_public_access_block, "ObjectLockConfigurationNotFoundError": s3.get_object_lock_configuration,
        "ReplicationConfigurationNotFoundError": s3.get_bucket_replication,
    }.items():
        refused(code, call, Bucket=REPOSITORY)
    equal(s3.get_bucket_request_payment(Bucket=REPOSITORY)["Payer"], "BucketOwner", "who pays")
    equal(s3.get_bucket_ownership_controls(Bucket=REPOSITORY)["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerEnforced"}], "ownership")
    for call in [s3.get_bucket_logging, s3.get_bucket_notification_configuration, s3.get_bucket_accelerate_configuration]:
        equal(set(call(Bucket=REPOSITORY)), {"ResponseMetadata"}, call.__name__)

    owner = s3.list_buckets()["Owner"]["ID"]
    for acl in [s3.get_bucket_acl(Bucket=REPOSITORY), s3.get_object_acl(**at("meta"))]:
        equal((acl["Owner"]["ID"], [grant["Permission"] for grant in acl["Grants"]]), (owner, ["FULL_CONTROL"]), "ACL")
        equal((acl["Grants"][0]["Grantee"]["Type"], acl["Grants"][0]["Grantee"]["ID"]), ("CanonicalUser", owner), "grantee")
    s3.head_object(**at("meta"), ExpectedBucketOwner=owner)
    refused("AccessDenied", s3.get_object, **at("meta"), ExpectedBucketOwner="111122223333")
    refused("AccessDenied", s3.copy_object, **at("copied"), CopySource=at("meta"), ExpectedSourceBucketOwner="111122223333")

    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    told = s3.get_object_attributes(**at("big"), ObjectAttributes=wanted, MaxParts=2)
    head = s3.head_object(**at("big"))
    equal(('"%s"' % told["ETag"], told["ObjectSize"], told["StorageClass"]), (head["ETag"], BIG, "STANDARD"), "attributes")
    parts = told["ObjectParts"]
    equal((parts["TotalPartsCount"], parts["IsTruncated"], [p["PartNumber"] for p in parts["Parts"]]), (-(-BIG // (8 << 20)), True, [1, 2]), "parts")
    equal(parts["Parts"][0]["Size"], 8 << 20, "size of a part")
    equal(s3.get_object_attributes(**at("sum-SHA256"), ObjectAttributes=wanted)["Checksum"]["ChecksumSHA256"],
          s3.head_object(**at("sum-SHA256"), ChecksumMode="ENABLED")["ChecksumSHA256"], "checksum")

    s3.put_object(**at("coded"), Body=b"x", ContentEncoding="deflate, gzip", StorageClass="STANDARD_IA")
    head = s3.head_object(**at("coded"))
    equal((head["ContentEncoding"], head["StorageClass"]), ("deflate, gzip", "STANDARD_IA"), "encoding and class as they were sent")
    s3.copy_object(**at("coded-copy"), CopySource=at("coded"), StorageClass="ONEZONE_IA")
    equal(s3.head_object(**at("coded-copy"))["StorageClass"], "ONEZONE_IA", "a copy's own class")
    # No store of these tests is known to encrypt.
    refused("NotImplemented", s3.put_object, **at("coded"), Body=b"", ServerSideEncryption="AES256")
    refused("NotImplemented", s3.put_object, **at("coded"), Body=b"", ServerSideEncryption="aws:kms")


def listings():
    for key in ["list/a/1", "list/a/2", "list/b", "list/c/1", "list/c/d/2"]:
        s3.put_object(**at(key), Body=b"x")
    answer = s3.list_objects_v2(Bucket=REPOSITORY, Prefix=f"{BRANCH}/list/", Delimiter="/")
    equal([p["Prefix"] for p in answer["CommonPrefixes"]], [f"{BRANCH}/list/a/", f"{BRANCH}/list/c/"], "common prefixes")
    equal([o["Key"] for o in answer["Contents"]], [f"{BRANCH}/list/b"], "keys beside them")
    answer = s3.list_objects_v2(Bucket=REPOSITORY, Prefix=f"{BRANCH}/list/", StartAfter=f"{BRANCH}/list/b", FetchOwner=True)
    equal([o["Key"] for o in answer["Contents"]], [f"{BRANCH}/list/c/1", f"{BRANCH}/list/c/d/2"], "start-after")
    check("Owner" in answer["Contents"][0], "fetch-owner")
    check("Owner" not in s3.list_objects_v2(Bucket=REPOSITORY, Prefix=f"{BRANCH}/list/")["Contents"][0], "no owner unless asked for")
    check(f"{BRANCH}/" in [p["Prefix"] for p in s3.list_objects_v2(Bucket=REPOSITORY, Delimiter="/")["CommonPrefixes"]], "refs are folders")
    check(REPOSITORY in [b["Name"] for b in s3.list_buckets()["Buckets"]], "ListBuckets")
    s3.head_bucket(Bucket=REPOSITORY)
    s3.get_bucket_location(Bucket=REPOSITORY)
    s3.create_bucket(Bucket=f"{REPOSITORY}-2")
    s3.put_object(Bucket=f"{REPOSITORY}-2", Key="main/x", Body=b"y")
    s3.copy_object(**at("from-2"), CopySource={"Bucket": f"{REPOSITORY}-2", "Key": "main/x"})
    equal(s3.get_object(**at("from-2"))["Body"].read(), b"y", "copy from another repository")


def presigned():
    body = data(2000)
    context = ssl.create_default_context(cafile=CA) if SECURE else None
    for version in ["s3", "s3v4"]:
        signer = client(signature_version=version)
        url = signer.generate_presigned_url("put_object", Params=at("pre signed+é"), ExpiresIn=60)
        check(("X-Amz-Signature" in url) == (version == "s3v4"), url)
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""} if version == "s3" else {}), context=context) as answer:
            equal(answer.status, 200, f"pre-signed PUT by {version}")
        url = signer.generate_presigned_url("get_object", Params={**at("pre signed+é"), "ResponseContentType": "text/x-y"}, ExpiresIn=60)
        with urllib.request.urlopen(url, context=context) as answer:
            equal(answer.read(), body, f"pre-signed GET by {version}")
            equal(answer.headers["Content-Type"], "text/x-y", "override")
        for bad in [url.replace("pre", "pra"), url[:-3]]:
            try:
                urllib.request.urlopen(bad, context=context)
                raise AssertionError("a changed pre-signed URL was served")
            except urllib.error.HTTPError as error:
                check(error.code in (400, 403), error.code, bad)


def post(fields, url, body, name="a b.txt"):
    """Sends a form as a browser does: status, headers and text of the answer."""
    parts = [f'--frontier\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    parts.append(f'--frontier\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'.encode() + body + b"\r\n--frontier--\r\n")
    context = ssl.create_default_context(cafile=CA) if SECURE else None
    request = urllib.request.Request(url, data=b"".join(parts), headers={"Content-Type": "multipart/form-data; boundary=frontier"}, method="POST")
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def forms():
    signer = client(signature_version="s3v4")
    body = data(300_000)
    form = signer.generate_presigned_post(REPOSITORY, f"{BRANCH}/forms/${{filename}}", Fields={"Content-Type": "text/x-form", "success_action_status": "201"},
                                          Conditions=[{"Content-Type": "text/x-form"}, {"success_action_status": "201"}, ["content-length-range", 1, 300_000]])
    status, headers, text = post(form["fields"], form["url"], body)
    equal((status, headers["ETag"]), (201, '"%s"' % hashlib.md5(body).hexdigest()), text)
    check(f"<Key>{BRANCH}/forms/a b.txt</Key>" in text, text)
    got = s3.get_object(**at("forms/a b.txt"))
    equal((got["Body"].read(), got["ContentType"]), (body, "text/x-form"), "what a form uploaded")
    status, _, text = post(form["fields"], form["url"], body + b"x")
    check(status == 400 and "<Code>EntityTooLarge</Code>" in text, status, text)
    # Large enough that the refusal comes long before the end.
    status, _, text = post({**form["fields"], "x-amz-meta-more": "1"}, form["url"], data(20_000_000))
    check(status == 403 and "Extra input fields: x-amz-meta-more" in text, status, text)
    status, _, text = post({**form["fields"], "key": "other/x"}, form["url"], body)
    check(status == 403 and "Policy Condition failed" in text, status, text)
    late = signer.generate_presigned_post(REPOSITORY, f"{BRANCH}/forms/late", ExpiresIn=-1)
    status, _, text = post(late["fields"], late["url"], body)
    check(status == 403 and "Policy expired" in text, status, text)


def default_forms():
    """boto3 signs forms with version 2 unless it is told otherwise, and the server says what to tell it."""
    form = client().generate_presigned_post(REPOSITORY, f"{BRANCH}/forms/default")
    check("AWSAccessKeyId" in form["fields"], form)
    status, _, text = post(form["fields"], form["url"], b"x")
    check(status == 400 and 'signature_version=&quot;s3v4&quot;' in text, status, text)


def identity():
    sts = boto3.client("sts", endpoint_url=ENDPOINT)
    who = sts.get_caller_identity()
    check(who["Arn"].startswith("arn:lakefs:auth:::user/") and who["UserId"] == who["Account"], who)
    equal(s3.list_buckets()["Owner"]["ID"], who["Account"], "an owner's id is the account")
    s3.head_bucket(Bucket=REPOSITORY, ExpectedBucketOwner=who["Account"])
    keys = sts.get_session_token()["Credentials"]
    session = boto3.client("sts", endpoint_url=ENDPOINT, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    equal(session.get_caller_identity()["Arn"], who["Arn"], "a session is its user's")
    error = refused("InvalidAction", sts.get_federation_token, Name="ann")
    check("GetCallerIdentity" in error["Error"]["Message"], error)


def refusals():
    refused("NoSuchKey", s3.get_object, **at("never"))
    equal(refused("NoSuchBucket", s3.list_objects_v2, Bucket="no-such-repository")["ResponseMetadata"]["HTTPStatusCode"], 404, "no bucket")
    other = boto3.client("s3", endpoint_url=ENDPOINT, aws_access_key_id="nobody", aws_secret_access_key="x", config=Config(s3={"addressing_style": "path"}))
    refused("InvalidAccessKeyId", other.get_object, **at("meta"))
    import os
    wrong = boto3.client("s3", endpoint_url=ENDPOINT, aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="x", config=Config(s3={"addressing_style": "path"}))
    refused("SignatureDoesNotMatch", wrong.put_object, **at("forged"), Body=b"x")
    refused("NoSuchKey", s3.get_object, **at("forged"))
    refused("NotImplemented", s3.list_object_versions, Bucket=REPOSITORY)
    refused("NotImplemented", s3.put_bucket_versioning, Bucket=REPOSITORY, VersioningConfiguration={"Status": "Enabled"})
    refused("NoSuchBucket", s3.delete_bucket, Bucket="no-such-repository")
    refused("InvalidBucketName", s3.list_objects_v2, Bucket="no.repository")
    refused("InvalidBucketName", s3.create_bucket, Bucket="no.repository")
    check(s3.head_object(**at("meta"))["ResponseMetadata"]["RequestId"], "a request id on every answer")


for step in [objects_and_odd_keys, metadata_and_headers, ranges_and_conditions, checksums, multipart, copies_and_deletions, tags, settings, listings, presigned, forms, default_forms, identity, refusals]:
    step()
    print(step.__name__, "ok", flush=True)
