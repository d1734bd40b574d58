// The AWS SDK for JavaScript: buffers, streams and parts.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.LAKEBED_TEST_CLIENTS}/js/package.json`);
const { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, DeleteObjectsCommand, CopyObjectCommand } = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const s3 = new S3Client({ endpoint: process.env.LAKEBED_TEST_ENDPOINT, region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
const Bucket = process.env.LAKEBED_TEST_REPOSITORY;
const read = async (Key, more = {}) => Buffer.from(await (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body.transformToByteArray());

for (const key of ["main/js/a b", "main/js/c+d", "main/js/100%", "main/js/Grüße/日本語", "main/js//double", "main//leading"]) {
  await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: Buffer.from(key), Metadata: { name: "value" } }));
  assert.equal((await read(key)).toString(), key);
}
await s3.send(new PutObjectCommand({ Bucket, Key: "main/js/empty", Body: "" }));
assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: "main/js/empty" }))).ContentLength, 0);

// A stream goes as an unsigned trailer in chunks of 64 KiB.
const streamed = randomBytes(3_000_000);
await s3.send(new PutObjectCommand({ Bucket, Key: "main/js/streamed", Body: Readable.from([streamed]), ContentLength: streamed.length }));
assert.ok((await read("main/js/streamed")).equals(streamed));
assert.ok((await read("main/js/streamed", { Range: "bytes=1000-1999" })).equals(streamed.subarray(1000, 2000)));
for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
  await s3.send(new PutObjectCommand({ Bucket, Key: "main/js/sum", Body: streamed, ChecksumAlgorithm }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "main/js/sum", ChecksumMode: "ENABLED" }));
  assert.ok(got[`Checksum${ChecksumAlgorithm}`], ChecksumAlgorithm);
  assert.ok(Buffer.from(await got.Body.transformToByteArray()).equals(streamed), ChecksumAlgorithm);
}

const big = randomBytes(70 * 1024 * 1024);
await new Upload({ client: s3, params: { Bucket, Key: "main/js/big", Body: Readable.from(big), ChecksumAlgorithm: "CRC64NVME" }, partSize: 8 << 20, queueSize: 4 }).done();
assert.equal(createHash("sha256").update(await read("main/js/big")).digest("hex"), createHash("sha256").update(big).digest("hex"));
await s3.send(new CopyObjectCommand({ Bucket, Key: "main/js/copy é", CopySource: `${Bucket}/main/js/streamed` }));
assert.ok((await read("main/js/copy é")).equals(streamed));

await assert.rejects(s3.send(new PutObjectCommand({ Bucket, Key: "main/js/streamed", Body: "x", IfNoneMatch: "*" })), { name: "PreconditionFailed" });
await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "main/js/never" })), { name: "NoSuchKey" });
const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "main/js/", Delimiter: "/" }));
assert.deepEqual(listed.CommonPrefixes.map((p) => p.Prefix), ["main/js//", "main/js/Grüße/"]);
const keys = (await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "main/" }))).Contents.map(({ Key }) => ({ Key }));
assert.equal((await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys } }))).Errors, undefined);
assert.equal((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "main/" }))).KeyCount, 0);
console.log("ok");
