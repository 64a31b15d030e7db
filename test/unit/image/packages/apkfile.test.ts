import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  BadFile,
  checkPackage,
  checksumHex,
  gzipMember,
  readIndex,
} from "../../../../provider/image/packages/apkfile.ts";
import { buildIndex, buildPackage, publicPem } from "../../../lab/mirror/apk-format.ts";
import { freshKey } from "../../../lab/mirror/cache.ts";

const key = freshKey("lab.rsa.pub");
const other = freshKey("other.rsa.pub");
const keys = { [key.name]: publicPem(key.key) };
const spec = { name: "hello", version: "1.0-r0", files: [{ path: "etc/hello", content: "hello\n" }] };

const failure = async (work: Promise<unknown>): Promise<BadFile> => {
  const e = await work.then(
    () => undefined,
    (x) => x,
  );
  expect(e).toBeInstanceOf(BadFile);
  return e;
};
const flip = (bytes: Uint8Array, at: number) => {
  const out = Buffer.from(bytes);
  out[at]! ^= 1;
  return out;
};

describe("packages", async () => {
  // the lab writes them as abuild does, and apk itself accepts them (test/unit/lab-mirror.test.ts)
  const { bytes, index } = await buildPackage(spec as never, key);
  const checksum = /^C:(.*)$/m.exec(index)![1]!;

  it("that are whole are accepted, and say what they are", async () => {
    const { info, checksum: found } = await checkPackage(bytes, "hello.apk", keys, checksum);
    expect(found).toBe(checksum);
    expect(info.get("pkgname")).toEqual(["hello"]);
    expect(checksumHex(checksum)).toMatch(/^[0-9a-f]{40}$/);
  });

  it("signed by a stranger name the key and what to do", async () => {
    const e = await failure(checkPackage((await buildPackage(spec as never, other)).bytes, "hello.apk", keys));
    expect(e.check).toBe("key");
    expect(e.message).toMatch(/hello\.apk: .*other\.rsa\.pub.*lab\.rsa\.pub.*pine:repositoryKeys/);
  });

  it("signed by a stranger under a trusted name fail by their signature", async () => {
    const liar = { name: key.name, key: other.key };
    const e = await failure(checkPackage((await buildPackage(spec as never, liar)).bytes, "hello.apk", keys));
    expect(e.check).toBe("signature");
    expect(e.message).toMatch(/key lab\.rsa\.pub does not match/);
  });

  it("with one bit flipped are refused, wherever it is", async () => {
    const control = gzipMember(bytes, 0, "x", 1 << 20).end;
    const data = gzipMember(bytes, control, "x", 1 << 20).end;
    // in the deflate data of each part, past its header
    for (const [at, checks] of [
      [20, ["format", "signature", "key"]],
      [control + 20, ["format", "signature"]],
      [data + 20, ["data"]],
      [bytes.length - 1, ["data"]],
    ] as const)
      expect(checks).toContain((await failure(checkPackage(flip(bytes, at), "hello.apk", keys, checksum))).check);
  });

  it("that are cut are refused at every length", async () => {
    for (let n = 0; n < bytes.length; n += 97) await failure(checkPackage(bytes.subarray(0, n), "x", keys, checksum));
    await failure(checkPackage(bytes.subarray(0, bytes.length - 1), "x", keys, checksum));
  });

  it("other than what the index lists are refused", async () => {
    const e = await failure(checkPackage(bytes, "hello.apk", keys, `Q1${Buffer.alloc(20).toString("base64")}`));
    expect(e.check).toBe("checksum");
  });
});

describe("indexes", async () => {
  const { index } = await buildPackage(spec as never, key);
  const bytes = await buildIndex([index], "test", key);

  it("are read when signed by a trusted key", async () => {
    expect(await readIndex(bytes, "APKINDEX.tar.gz", keys)).toMatch(/^P:hello$/m);
  });
  it("are refused when unsigned, changed, or of another format", async () => {
    const start = gzipMember(bytes, 0, "x", 1 << 20).end;
    expect((await failure(readIndex(bytes.subarray(start), "i", keys))).message).toMatch(/not signed/);
    expect((await failure(readIndex(flip(bytes, start + 30), "i", keys))).check).toBe("signature");
    expect((await failure(readIndex(Buffer.from("ADBd...."), "i", keys))).message).toMatch(/newer format/);
    expect((await failure(readIndex(Buffer.from("<html>"), "i", keys))).message).toMatch(/not an apk file/);
  });
});

it("a gzip header with all its optional fields is skipped", () => {
  const plain = gzipSync("hello");
  const header = Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9]);
  const bytes = Buffer.concat([header, Buffer.from("name\0note\0"), Buffer.from([0, 0]), plain.subarray(10)]);
  expect(gzipMember(bytes, 0, "x", 1 << 20)).toEqual({ content: Buffer.from("hello"), end: bytes.length });
});
