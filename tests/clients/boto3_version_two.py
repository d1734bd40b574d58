"""boto3 with AWS Signature Version 2 in headers, which stands for the clients that know no other."""

import io
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

from common import BRANCH, ENDPOINT, REPOSITORY, data, equal

s3 = boto3.client("s3", endpoint_url=ENDPOINT, config=Config(signature_version="s3", s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


def at(key):
    return {"Bucket": REPOSITORY, "Key": f"{BRANCH}/{key}"}


body = data(20 << 20)
s3.put_object(**at("a b+é"), Body=b"bytes", Metadata={"colour": "blue"})
got = s3.get_object(**at("a b+é"), ResponseContentType="text/x-y")
equal((got["Body"].read(), got["Metadata"], got["ContentType"]), (b"bytes", {"colour": "blue"}, "text/x-y"), "read")
s3.copy_object(**at("copy"), CopySource=at("a b+é"))
s3.upload_fileobj(io.BytesIO(body), REPOSITORY, f"{BRANCH}/large", Config=TransferConfig(multipart_chunksize=8 << 20))
equal(s3.get_object(**at("large"))["Body"].read(), body, "parts")
s3.delete_object(**at("copy"))
s3.delete_objects(Bucket=REPOSITORY, Delete={"Objects": [{"Key": f"{BRANCH}/large"}]})
for gone in ("copy", "large"):
    try:
        s3.head_object(**at(gone))
        raise AssertionError(f"{gone} is there")
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 404, gone)
# A form, as boto3 signs it by itself.
form = boto3.client("s3", endpoint_url=ENDPOINT, config=Config(s3={"addressing_style": "path"})).generate_presigned_post(
    REPOSITORY, f"{BRANCH}/form", Fields={"success_action_status": "201", "Content-Type": "text/x-form"}, Conditions=[{"success_action_status": "201"}, ["starts-with", "$Content-Type", "text/"]])
equal(sorted(form["fields"]), ["AWSAccessKeyId", "Content-Type", "key", "policy", "signature", "success_action_status"], "version 2")


def post(fields):
    parts = [f'--frontier\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    parts.append('--frontier\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbytes\r\n--frontier--\r\n')
    request = urllib.request.Request(form["url"], data="".join(parts).encode(), headers={"Content-Type": "multipart/form-data; boundary=frontier"}, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


equal(post(form["fields"]), 201, "a form")
equal(post({**form["fields"], "key": f"{BRANCH}/other"}), 403, "another key than the policy's")
got = s3.get_object(**at("form"))
equal((got["Body"].read(), got["ContentType"]), (b"bytes", "text/x-form"), "what a form uploaded")

try:
    s3.list_objects_v2(Bucket=REPOSITORY, Prefix=f"{BRANCH}/")
    raise AssertionError("a listing, whose prefix isn't signed, was served")
except ClientError as error:
    equal(error.response["Error"]["Code"], "InvalidRequest", "a listing")
