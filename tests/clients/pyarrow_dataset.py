"""pyarrow: a partitioned Parquet data set, written to a branch and read back."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs

from common import BIG, BRANCH, CA, HOST, KEY, REGION, REPOSITORY, SECRET, SECURE, check, data, done, equal

if SECURE:
    fs.initialize_s3()
arguments = {"tls_ca_file_path": CA} if SECURE else {}
s3 = fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=HOST, scheme="https" if SECURE else "http", region=REGION, **arguments)
root = f"{REPOSITORY}/{BRANCH}/taxi rides"

table = pa.table({"day": [f"2026-11-{1 + i % 5:02d}" for i in range(10_000)], "fare": [float(i) for i in range(10_000)]})
ds.write_dataset(table, root, filesystem=s3, format="parquet", partitioning=ds.partitioning(pa.schema([("day", pa.string())]), flavor="hive"))
back = ds.dataset(root, filesystem=s3, format="parquet", partitioning="hive")
equal(back.count_rows(), 10_000, "rows")
one = back.to_table(filter=pc.field("day") == "2026-11-02")
equal(one.num_rows, 2_000, "rows of one partition")
check(pc.sum(back.to_table()["fare"]).as_py() == sum(range(10_000)), "the sum differs")

body = data(BIG)
with s3.open_output_stream(f"{REPOSITORY}/{BRANCH}/big.bin") as out:
    for i in range(0, BIG, 1 << 20):
        out.write(body[i : i + (1 << 20)])
with s3.open_input_file(f"{REPOSITORY}/{BRANCH}/big.bin") as file:
    equal(file.size(), BIG, "size")
    file.seek(40 << 20)
    check(file.read(1000) == body[40 << 20 : (40 << 20) + 1000], "a ranged read differs")
check(s3.open_input_stream(f"{REPOSITORY}/{BRANCH}/big.bin").read() == body, "the bytes differ")

s3.create_dir(f"{REPOSITORY}/{BRANCH}/made")
equal(s3.get_file_info(f"{REPOSITORY}/{BRANCH}/made").type, fs.FileType.Directory, "a directory marker")
with s3.open_output_stream(f"{REPOSITORY}/{BRANCH}/empty") as out:
    pass
equal(s3.get_file_info(f"{REPOSITORY}/{BRANCH}/empty").size, 0, "an empty object")
s3.copy_file(f"{REPOSITORY}/{BRANCH}/big.bin", f"{REPOSITORY}/{BRANCH}/moved é+%.bin")
s3.move(f"{REPOSITORY}/{BRANCH}/moved é+%.bin", f"{REPOSITORY}/{BRANCH}/again.bin")
equal(s3.get_file_info(f"{REPOSITORY}/{BRANCH}/again.bin").size, BIG, "moved")
s3.delete_dir(root)
equal(s3.get_file_info(fs.FileSelector(root, allow_not_found=True)), [], "deleted")
done()
