"""s3fs: files and folders on a branch through fsspec."""

import s3fs

from common import BIG, BRANCH, CA, ENDPOINT, ODD_KEYS, REPOSITORY, SECURE, check, data, done, equal

arguments = {"client_kwargs": {"verify": CA}} if SECURE else {}
s3 = s3fs.S3FileSystem(endpoint_url=ENDPOINT, config_kwargs={"s3": {"addressing_style": "path"}}, **arguments)
root = f"{REPOSITORY}/{BRANCH}"

for i, key in enumerate(k for k in ODD_KEYS if not k.startswith("/") and "//" not in k and "?" not in k and "#" not in k and "*" not in k):
    s3.pipe_file(f"{root}/{key}", data(50, i))
    equal(s3.cat_file(f"{root}/{key}"), data(50, i), key)

body = data(BIG)
with s3.open(f"{root}/big.bin", "wb", block_size=8 << 20) as out:
    out.write(body)
equal(s3.info(f"{root}/big.bin")["size"], BIG, "size")
with s3.open(f"{root}/big.bin", "rb") as file:
    file.seek(30 << 20)
    check(file.read(4096) == body[30 << 20 : (30 << 20) + 4096], "a ranged read differs")
check(s3.cat_file(f"{root}/big.bin") == body, "the bytes differ")

s3.pipe_file(f"{root}/folder/a", b"1")
s3.pipe_file(f"{root}/folder/sub/b", b"")
check(s3.isdir(f"{root}/folder") and s3.isfile(f"{root}/folder/a") and not s3.exists(f"{root}/folder/z"), "folders and files")
s3.invalidate_cache()
equal(sorted(s3.find(f"{root}/folder")), [f"{root}/folder/a", f"{root}/folder/sub/b"], "find")
s3.mv(f"{root}/folder/a", f"{root}/folder/moved")
s3.invalidate_cache()
equal(sorted(p.split("/")[-1] for p in s3.ls(f"{root}/folder")), ["moved", "sub"], "after mv")
s3.rm(f"{root}/folder", recursive=True)
s3.invalidate_cache()
check(not s3.exists(f"{root}/folder"), "removed")
equal(s3.size(f"{root}/big.bin"), BIG, "the rest stays")
done()
