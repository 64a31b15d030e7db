import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { readArchive } from "../../../../provider/image/archive/read.ts";
import { Archive, Asset } from "../../../../provider/properties/values.ts";
import { dir, folder, fresh, link, type One, raw, read, removeAll, saved, tarOf, text } from "./tools.ts";

afterAll(removeAll);

/** Code, archive, what the message says. */
const BAD: [code: string, make: () => Archive, says: RegExp][] = [
  ["absolute", () => tarOf({ path: "/etc/x" }), /"\/etc\/x" has an absolute path; pack it relative/],
  ["absolute", () => new Archive({ assets: { "/x": text("") } }), /"\/x"/],
  ["dots", () => tarOf({ path: "a/../../x" }), /"a\/\.\.\/\.\.\/x" has a \.\./],
  ["dots", () => new Archive({ assets: { a: new Archive({ assets: { "../b": text("") } }) } }), /"\.\.\/b"/],
  ["empty", () => tarOf({ path: "a" }, { path: "" }), /after "a" has an empty name/],
  ["empty", () => tarOf({ path: "a//b" }), /"a\/\/b" has an empty part/],
  ["empty", () => new Archive({ assets: { "": text("") } }), /"" has an empty name/],
  ["empty", () => new Archive({ assets: { ".": text("") } }), /"\." is not a folder/],
  ["control", () => tarOf({ path: "a\nb" }), /"a\\nb" has control characters/],
  ["control", () => tarOf({ path: "a\u007fb" }), /control characters/],
  ["control", () => folder((d) => fs.writeFileSync(join(d, "a\tb"), "")), /"a\\tb" has control characters/],
  ["control", () => tarOf({ path: "a", pax: { path: `${"a".repeat(120)}\nb` } }), /control characters/],
  [
    "encoding",
    () => folder((d) => fs.writeFileSync(Buffer.concat([Buffer.from(`${d}/`), Buffer.of(0xff)]), "")),
    /UTF-8/,
  ],
  ["name-long", () => new Archive({ assets: { [`d/${"é".repeat(128)}`]: text("") } }), /more than 255 bytes/],
  ["name-long", () => tarOf({ path: "a", pax: { path: "n".repeat(256) } }), /"n{60}…" has a name of more than 255/],
  ["path-long", () => new Archive({ assets: { ["long/".repeat(820)]: text("") } }), /more than 4095 bytes/],
  [
    "device",
    () => tarOf({ path: "null", type: "CharacterDevice", devmaj: 1, devmin: 3 }),
    /"null" is a device; .* holds/,
  ],
  ["device", () => tarOf({ path: "sda", type: "BlockDevice" }), /"sda" is a device/],
  ["fifo", () => tarOf({ path: "pipe", type: "FIFO" }), /"pipe" is a FIFO/],
  ["fifo", () => folder((d) => execFileSync("mkfifo", [join(d, "pipe")])), /"pipe" is a FIFO/],
  ["type", () => tarOf({ path: "old", type: "SparseFile" }), /"old" is of a kind that is not accepted \(SparseFile\)/],
  [
    "hardlink",
    () => tarOf({ path: "a", type: "Link", linkpath: "b" }),
    /"a" is a hard link to "b", which is not a file/,
  ],
  ["hardlink", () => tarOf({ path: "a", type: "Link", linkpath: "a" }), /hard link to "a"/],
  ["hardlink", () => tarOf({ path: "a", type: "Link", linkpath: "/etc/shadow" }), /hard link to "\/etc\/shadow"/],
  ["hardlink", () => tarOf({ path: "a", type: "Link", linkpath: "../shadow" }), /hard link to "\.\.\/shadow"/],
  ["hardlink", () => tarOf(dir("d"), { path: "a", type: "Link", linkpath: "d" }), /hard link to "d"/],
  [
    "hardlink",
    () => new Archive({ assets: { b: text(""), c: tarOf({ path: "a", type: "Link", linkpath: "b" }) } }),
    /hard link to "b"/,
  ],
  ["twice", () => tarOf({ path: "a", content: "1" }, { path: "a", content: "2" }), /"a" is there twice/],
  ["twice", () => tarOf({ path: "a" }, { path: "./a", mode: 0o755 }), /"a" is there twice/],
  ["twice", () => tarOf({ path: "a" }, dir("a/")), /"a" is there twice/],
  ["twice", () => new Archive({ assets: { "a/b": text("1"), a: tarOf({ path: "b" }) } }), /"a\/b" is there twice/],
  ["parent", () => tarOf({ path: "a/b/c" }, { path: "a" }), /"a\/b\/c" lies below "a", which is a file/],
  ["below-link", () => tarOf(link("a", "b"), { path: "a/c" }), /"a\/c" lies below "a", which is a link/],
  ["below-link", () => tarOf(link("a", "/etc"), { path: "a/shadow" }), /which is a link/],
  ["link-out", () => tarOf(link("a", "../x")), /"a" is a link to "\.\.\/x", which leads out of .*; an absolute target/],
  ["link-out", () => tarOf(dir("d"), link("d/a", "../x/../../y")), /leads out/],
  // each of the two stays within by its text alone
  ["link-out", () => tarOf(link("d/e/up", "../.."), link("z", "d/e/up/../x")), /"z" is a link to "d\/e\/up\/\.\.\/x"/],
  ["link-out", () => folder((d) => fs.symlinkSync("../../etc/shadow", join(d, "s"))), /leads out/],
  ["target-control", () => tarOf(link("a", "b\tc")), /a path with control characters/],
  ["target-long", () => tarOf({ ...link("a", "x"), pax: { linkpath: "x/".repeat(2050) } }), /4095 bytes/],
  ["entries", () => many(100_001), /more than 100000 entries; make a package/],
  ["size", () => folder((d) => fs.truncateSync(touched(join(d, "big")), 2 ** 30 + 1)), /more than 1 GiB/],
  ["size", () => huge(), /more than 1 GiB/],
  ["size", () => tarOf({ path: "a", content: Buffer.alloc(2 ** 24, 1) }, ...names(64)), /more than 1 GiB/],
  ["remote", () => new Archive({ uri: "https://x.example/a.tgz" }), /nothing is fetched/],
  [
    "remote",
    () => new Archive({ assets: { a: new Asset({ uri: "https://x.example/" }) } }),
    /"a": .*nothing is fetched/,
  ],
  ["missing", () => new Archive({ path: "/nowhere/x.tar" }), /there is no \/nowhere\/x\.tar/],
  ["missing", () => new Archive({ assets: { a: new Asset({ path: "/nowhere/a" }) } }), /there is no \/nowhere\/a/],
  ["unreadable", () => loop(), /loop cannot be read \(ELOOP\)/],
  ["kind", () => new Archive({ path: "/dev/null" }), /\/dev\/null is neither a folder nor a plain file/],
  ["kind", () => new Archive({ assets: { a: new Asset({ path: tmpdir() }) } }), /"a": .* is not a plain file/],
  ["form", () => new Archive({}, "hash"), /neither a path nor assets/],
  ["form", () => new Archive({ assets: { a: "text" as never } }), /"a" is neither an asset nor an archive/],
  ["format", () => saved(Buffer.from("PK\u0003\u0004"), "x.zip"), /packed as zip; a folder .* are accepted: unpack it/],
  ["format", () => saved(Buffer.from("fd377a585a00", "hex"), "x.tar.xz"), /packed as xz/],
  ["format", () => saved(gzipSync(gzipSync(raw({ path: "a" })))), /packed as gzip in gzip/],
  ["format", () => saved(Buffer.from("hello\n".repeat(200))), /is not a tar/],
  ["format", () => saved(Buffer.alloc(0)), /is not a tar/],
  ["damaged", () => saved(gzipSync(raw({ path: "a" })).subarray(0, -9), "x.tgz"), /cut or damaged/],
  ["damaged", () => saved(raw({ path: "a", content: "x" }).fill(0x41, 1024, 1100)), /cut or damaged/],
  ["sparse", () => saved(Buffer.concat([extended("GNU.sparse.major=1"), raw({ path: "a" })])), /holes; pack it/],
];

function many(n: number): Archive {
  const one = text("");
  return new Archive({ assets: Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, one])) });
}
const names = (n: number) => Array.from({ length: n }, (_, i): One => ({ path: `l${i}`, type: "Link", linkpath: "a" }));
function touched(path: string): string {
  fs.writeFileSync(path, "");
  return path;
}
function huge(): Archive {
  const path = fresh("huge.tar");
  fs.truncateSync(touched(path), 2 ** 31);
  return new Archive({ path });
}
function loop(): Archive {
  const path = fresh("loop");
  fs.symlinkSync(basename(path), path);
  return new Archive({ path });
}
/** A pax header with one record. */
function extended(record: string): Buffer {
  const length = [...Array(99).keys()].find((n) => `${n} ${record}\n`.length === n);
  return raw({ path: "PaxHeader/a", type: "ExtendedHeader", content: `${length} ${record}\n` }).subarray(0, 1024);
}

const archiveProblem = async (archive: Archive) => {
  const read = await readArchive(archive);
  return "problem" in read ? read.problem : undefined;
};

describe("an archive that is not taken", () => {
  it.each(BAD)("%s", async (code, make, says) => {
    const archive = make();
    const error = await read(archive).catch((e) => e);
    expect(error).toMatchObject({ name: "ArchiveError", code: `archive-${code}` });
    expect(error.message).toMatch(says);
    expect(error.message.startsWith('files["/srv"].archive: ')).toBe(true);
    expect(await archiveProblem(archive)).toEqual({ code, reason: error.message.slice(23) });
  });
  it("by a socket in its folder", async () => {
    const archive = folder(() => undefined);
    const server = createServer().listen(join(archive.content.path!, "s"));
    await new Promise((r) => server.once("listening", r));
    expect(await archiveProblem(archive)).toMatchObject({
      code: "socket",
      reason: expect.stringMatching(/"s" is a socket/),
    });
    await new Promise((r) => server.close(r));
  });
  it("cut at any block", async () => {
    const whole = raw(dir("d"), { path: "d/a", content: "x".repeat(600) }, link("l", "d/a"));
    for (let end = 512; end <= whole.length - 1024; end += 512)
      expect(await archiveProblem(saved(whole.subarray(0, end)))).toMatchObject({ code: "damaged" });
  });
});
