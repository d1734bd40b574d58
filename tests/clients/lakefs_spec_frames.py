"""lakefs-spec: files of a branch through fsspec, for pandas, pyarrow, polars and DuckDB; transactions."""

import duckdb
import lakefs
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet
from lakefs_spec import LakeFSFileSystem

from common import CA, ENDPOINT, KEY, REPOSITORY, SECRET, check, data, done, equal

options = {"host": ENDPOINT, "username": KEY, "password": SECRET, **({"ssl_ca_cert": CA} if CA else {})}
files = LakeFSFileSystem(**options)
root = f"lakefs://{REPOSITORY}/main"

# Files and folders.
files.pipe_file(f"{root}/folder/a b.bin", data(1000))
equal(files.cat_file(f"{root}/folder/a b.bin", start=10, end=20), data(1000)[10:20])
files.cp_file(f"{root}/folder/a b.bin", f"{root}/folder/copy")
equal(files.checksum(f"{root}/folder/copy"), files.checksum(f"{root}/folder/a b.bin"))
equal(sorted(files.ls(f"{root}/folder/", detail=False, refresh=True)), [f"{REPOSITORY}/main/folder/a b.bin", f"{REPOSITORY}/main/folder/copy"])
check(files.isdir(f"{root}/folder/") and files.isfile(f"{root}/folder/copy") and not files.exists(f"{root}/nothing"))
files.rm(f"{root}/folder/", recursive=True)
check(not files.exists(f"{root}/folder/copy"), "removed")
with files.open(f"{root}/lines.txt", "w") as out:
    out.write("one\ntwo\n")
with files.open(f"{root}/lines.txt", "r") as lines:
    equal(lines.read(), "one\ntwo\n")

# Frames.
lakes = pandas.DataFrame({"name": ["Baikal", "Geneva", "Titicaca"], "depth": [1642, 310, 281]})
lakes.to_parquet(f"{root}/pandas.parquet", storage_options=options)
check(pandas.read_parquet(f"{root}/pandas.parquet", storage_options=options).equals(lakes), "pandas")
lakes.to_csv(f"{root}/pandas.csv", index=False, storage_options=options)
check(pandas.read_csv(f"{root}/pandas.csv", storage_options=options).equals(lakes), "pandas, CSV")
table = pyarrow.Table.from_pandas(lakes)
pyarrow.parquet.write_table(table, f"{REPOSITORY}/main/arrow/1.parquet", filesystem=files)
pyarrow.parquet.write_table(table, f"{REPOSITORY}/main/arrow/2.parquet", filesystem=files)
dataset = pyarrow.dataset.dataset(f"{REPOSITORY}/main/arrow/", filesystem=files, format="parquet")
equal(dataset.to_table(filter=pyarrow.dataset.field("depth") > 300).num_rows, 4, "pyarrow")
frame = polars.from_pandas(lakes)
with files.open(f"{root}/polars.parquet", "wb") as out:
    frame.write_parquet(out)
with files.open(f"{root}/polars.parquet", "rb") as source:
    check(polars.read_parquet(source).equals(frame), "polars")
duckdb.register_filesystem(files)
equal(duckdb.sql(f"SELECT max(depth) FROM read_parquet('{root}/pandas.parquet')").fetchone(), (1642,), "DuckDB")
duckdb.sql(f"COPY (SELECT 7 AS n) TO '{root}/duckdb.parquet' (FORMAT parquet)")
equal(duckdb.sql(f"SELECT n FROM '{root}/duckdb.parquet'").fetchone(), (7,), "DuckDB wrote it")

# Transactions (of a branch without uncommitted changes, as they merge), and branches made by being written to.
lakefs.repository(REPOSITORY, client=files.client).branch("main").commit("frames")
with files.transaction(REPOSITORY, "main") as transaction:
    files.pipe_file(f"lakefs://{REPOSITORY}/{transaction.branch.id}/in-transaction", b"1")
    commit = transaction.commit(message="all of it")
    transaction.tag(commit, "v1")
equal(files.cat_file(f"{root}/in-transaction"), b"1")
equal(files.cat_file(f"lakefs://{REPOSITORY}/v1/in-transaction"), b"1")
files.pipe_file(f"lakefs://{REPOSITORY}/other/x", b"2")
equal(files.cat_file(f"lakefs://{REPOSITORY}/other/x"), b"2")
done()
