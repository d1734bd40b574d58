"""DuckDB with httpfs: COPY to a branch, glob and query it."""

import os

import duckdb
from duckdb_extensions import import_extension

from common import BRANCH, CA, HOST, KEY, REGION, REPOSITORY, SECRET, SECURE, done, equal

import_extension("httpfs")
db = duckdb.connect()
db.execute("LOAD httpfs")
db.execute("SET threads = 2")
if SECURE:
    db.execute(f"SET ca_cert_file = '{CA}'")
    db.execute("SET enable_server_cert_verification = true")
db.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}', ENDPOINT '{HOST}', URL_STYLE 'path', USE_SSL {str(SECURE).lower()})")
root = f"s3://{REPOSITORY}/{BRANCH}/duck"

db.execute(f"COPY (SELECT i, i % 7 AS bucket, md5(i::VARCHAR) AS hash FROM range(200000) t(i)) TO '{root}/parts' (FORMAT parquet, PARTITION_BY bucket)")
equal(db.sql(f"SELECT count(*), sum(i) FROM read_parquet('{root}/parts/*/*.parquet', hive_partitioning = true)").fetchone(), (200000, sum(range(200000))), "all rows")
equal(db.sql(f"SELECT count(*) FROM read_parquet('{root}/parts/**/*.parquet', hive_partitioning = true) WHERE bucket = 3").fetchone()[0], len(range(3, 200000, 7)), "one partition")
db.execute(f"COPY (SELECT i, hash(i) AS a, hash(i + 1) AS b, md5(i::VARCHAR) AS c, md5((i * 7)::VARCHAR) AS d FROM range(1200000) t(i)) TO '{root}/big file+é.parquet' (FORMAT parquet, COMPRESSION uncompressed)")
equal(db.sql(f"SELECT count(*), count(DISTINCT a) FROM '{root}/big file+é.parquet'").fetchone(), (1200000, 1200000), "the large file")
db.execute(f"COPY (SELECT 1 AS x) TO '{root}/one.csv' (HEADER)")
equal(db.sql(f"SELECT x FROM '{root}/one.csv'").fetchone()[0], 1, "CSV")
done()
