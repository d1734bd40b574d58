"""deltalake: tables on a branch; two writers race for one version, and exactly one wins each."""

import threading

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from common import BRANCH, ENDPOINT, KEY, REGION, REPOSITORY, SECRET, SECURE, check, done, equal

options = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": ENDPOINT, "aws_conditional_put": "etag"}
if not SECURE:
    options["AWS_ALLOW_HTTP"] = "true"
path = f"s3://{REPOSITORY}/{BRANCH}/delta/rides"


def rows(writer, n):
    return pa.table({"writer": [writer] * 10, "n": [n] * 10})


write_deltalake(path, rows("none", 0), storage_options=options)
ROUNDS = 8
failed = []


def write(writer):
    try:
        for n in range(ROUNDS):
            write_deltalake(path, rows(writer, n), mode="append", storage_options=options)
    except Exception as error:  # told below, in the main thread
        failed.append(error)


threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check(not failed, failed)
table = DeltaTable(path, storage_options=options)
equal(table.version(), 2 * ROUNDS, "one version for each write")
equal(table.to_pyarrow_table().num_rows, 10 * (1 + 2 * ROUNDS), "no write was lost")
equal(DeltaTable(path, version=0, storage_options=options).to_pyarrow_table().num_rows, 10, "time travel")
big = pa.table({"blob": [bytes([i % 256]) * 1024 + i.to_bytes(8, "big") for i in range(70_000)]})
write_deltalake(path + "-big", big, storage_options=options)
equal(DeltaTable(path + "-big", storage_options=options).to_pyarrow_table().num_rows, 70_000, "the large table")
done()
