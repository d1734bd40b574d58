"""polars: frames written to and scanned from a branch by its Rust object store."""

import polars as pl

from common import BRANCH, ENDPOINT, KEY, REGION, REPOSITORY, SECRET, SECURE, check, done, equal

options = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": REGION, "aws_endpoint_url": ENDPOINT, "aws_virtual_hosted_style_request": "false"}
if not SECURE:
    options["aws_allow_http"] = "true"
root = f"s3://{REPOSITORY}/{BRANCH}"

frame = pl.DataFrame({"id": range(2_000_000), "noise": pl.Series(range(2_000_000)).hash(7), "more": pl.Series(range(2_000_000)).hash(11), "odd": pl.Series(range(2_000_000)).hash(13), "even": pl.Series(range(2_000_000)).hash(17), "last": pl.Series(range(2_000_000)).hash(19)})
for name in ["plain", "with space", "ünï+%20"]:
    small = frame.head(1000)
    small.write_parquet(f"{root}/polars/{name}.parquet", storage_options=options)
    check(pl.read_parquet(f"{root}/polars/{name}.parquet", storage_options=options, glob=False).equals(small), name)
frame.write_parquet(f"{root}/big/frame.parquet", storage_options=options, compression="uncompressed")
scan = pl.scan_parquet(f"{root}/big/*.parquet", storage_options=options)
equal(scan.select(pl.len()).collect().item(), 2_000_000, "rows")
equal(scan.filter(pl.col("id") == 1_234_567).collect().item(0, "noise"), frame.item(1_234_567, "noise"), "one row")
check(scan.collect().equals(frame), "the frames differ")
done()
