import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { create } from "tar";
import { afterAll, describe, expect, it } from "vitest";
import type { ArchiveEntry } from "../../../../provider/image/archive/entries.ts";
import { archiveDigest } from "../../../../provider/image/archive/read.ts";
import { Archive, Asset, Secret } from "../../../../provider/properties/values.ts";
import { digest, dir, folder, fresh, link, type One, raw, read, removeAll, saved, tarOf } from "./tools.ts";

afterAll(removeAll);

describe("the same entries", () => {
  const fill = (top: string) => {
    fs.mkdirSync(join(top, "bin"));
    fs.mkdirSync(join(top, "etc"), { mode: 0o755 });
    fs.writeFileSync(join(top, "bin/tool"), "#!/bin/sh\n");
    fs.writeFileSync(join(top, "etc/ä.conf"), "k=v\n");
    for (const [path, mode] of [
      ["bin", 0o755],
      ["etc", 0o755],
      ["bin/tool", 0o4755],
      ["etc/ä.conf", 0o644],
    ] as const)
      fs.chmodSync(join(top, path), mode);
  };
  const conf = { path: "etc/ä.conf", content: "k=v\n", mode: 0o644 };
  const tool = { path: "bin/tool", content: "#!/bin/sh\n", mode: 0o4755 };

  it("have the same digest, however they are packed", async () => {
    const tree = folder(fill);
    const top = tree.content.path!;
    const asset = (path: string) => new Asset({ path: join(top, path) });
    const later = { mtime: new Date(1e12), uid: 1000, gid: 100, uname: "ann" };
    const all = {
      tar: tarOf(dir("bin/"), dir("etc/"), conf, tool),
      tgz: saved(gzipSync(raw(dir("bin"), dir("etc"), conf, tool)), "x.tgz"),
      "another name": saved(gzipSync(raw(conf, tool)), "x"),
      shuffled: tarOf(dir("./", 0o700), tool, { ...conf, path: "./etc/ä.conf" }, dir("./etc/"), dir("bin")),
      "other times and owners": tarOf({ ...tool, ...later }, { ...conf, ...later }),
      "by name": new Archive({ assets: { "etc/ä.conf": asset("etc/ä.conf"), "bin/tool": asset("bin/tool") } }),
      nested: new Archive({
        assets: { etc: tarOf({ ...conf, path: "ä.conf" }), "./bin/": new Archive({ path: join(top, "bin") }) },
      }),
      "in itself": new Archive({ assets: { ".": tree, bin: new Secret(tarOf({ ...tool, path: "tool" })) as never } }),
    };
    const wanted = await digest(tree);
    expect(wanted).toMatch(/^[0-9a-f]{64}$/);
    const found = await Promise.all(Object.entries(all).map(async ([name, a]) => [name, await digest(a)]));
    expect(found).toEqual(Object.keys(all).map((name) => [name, wanted]));
  });
  it("as GNU tar and npm's tar write them", async () => {
    const tree = folder(fill);
    const cwd = tree.content.path!;
    fs.symlinkSync("../bin/tool", join(cwd, "etc/link"));
    fs.linkSync(join(cwd, "bin/tool"), join(cwd, "bin/other"));
    fs.writeFileSync(join(cwd, `etc/${"ö".repeat(120)}`), "");
    const wanted = await digest(tree);
    for (const format of ["gnu", "pax", "ustar"]) {
      if (format === "ustar") fs.rmSync(join(cwd, `etc/${"ö".repeat(120)}`));
      const file = fresh("x.tar");
      execFileSync("tar", ["-C", cwd, `--format=${format}`, "-cf", file, "."]);
      expect(await digest(new Archive({ path: file })), format).toBe(format === "ustar" ? await digest(tree) : wanted);
    }
    const file = fresh("npm.tgz");
    await create({ cwd, file, gzip: true, portable: true, noMtime: true }, ["."]);
    const { mode } = (await read(tree)).find((e) => e.path === "bin/tool")!;
    expect(mode).toBe(0o4755);
    expect((await read(new Archive({ path: file }))).map((e) => [e.path, e.type])).toEqual(
      (await read(tree)).map((e) => [e.path, e.type]),
    );
  });
  // siderolabs/talos#4096, pulumi-docker-build#979: one commit of git, another image on each machine
  it.each([0o002, 0o022, 0o027, 0o077])("of a folder that was checked out under another umask (%o)", async (umask) => {
    const tree = folder(fill);
    const cwd = tree.content.path!;
    const wanted = await digest(tree);
    const made = { bin: 0o777, etc: 0o777, "bin/tool": 0o4777, "etc/ä.conf": 0o666 };
    for (const [path, mode] of Object.entries(made)) fs.chmodSync(join(cwd, path), mode & ~umask);
    expect(await digest(tree)).toBe(wanted);
  });
  it.each<[string, ...One[]]>([
    ["content", { ...conf, content: "k=w\n" }, tool],
    ["mode", conf, { ...tool, mode: 0o755 }],
    ["name", { ...conf, path: "etc/b" }, tool],
    ["type", conf, link("bin/tool", "#!/bin/sh\n".trim())],
    ["one more", conf, tool, dir("var")],
  ])("another %s, another digest", async (_name, ...entries) => {
    expect(await digest(tarOf(...entries))).not.toBe(await digest(tarOf(conf, tool)));
  });
});

describe("entries", () => {
  it("are sorted, with their folders, modes, contents and targets", async () => {
    const archive = tarOf(
      link("z", "/usr/bin/env"),
      link("d/up", ".."),
      link("loop", "loop"),
      { path: "d/s", mode: 0o6755, content: "x" },
      { path: "d/hard", type: "Link", linkpath: "./d/s" },
      { path: "d/again", type: "Link", linkpath: "d/hard" },
      { path: "e/empty" },
      { path: "e/empty" },
      dir("d", 0o2775),
    );
    const x = { type: "file", mode: 0o6755, content: Buffer.from("x") };
    const found = await read(archive);
    expect(found.map((e): object => ({ ...e, ...(e.content && { content: Buffer.from(e.content) }) }))).toEqual([
      { path: "d", type: "folder", mode: 0o2775 },
      { path: "d/again", ...x },
      { path: "d/hard", ...x },
      { path: "d/s", ...x },
      { path: "d/up", type: "link", mode: 0o777, target: ".." },
      { path: "e", type: "folder", mode: 0o755 },
      { path: "e/empty", type: "file", mode: 0o644, content: Buffer.alloc(0) },
      { path: "loop", type: "link", mode: 0o777, target: "loop" },
      { path: "z", type: "link", mode: 0o777, target: "/usr/bin/env" },
    ]);
    expect(archiveDigest([...found].reverse())).toBe(archiveDigest(found));
  });
  it("may be none", async () => {
    const none: ArchiveEntry[] = [];
    expect(await read(new Archive({ assets: {} }))).toEqual(none);
    expect(await read(saved(Buffer.alloc(10240)))).toEqual(none);
    expect(await read(folder(() => undefined))).toEqual(none);
  });
  it("of 4095 bytes and 255 a name are taken", async () => {
    const path = `${`${"n".repeat(255)}/`.repeat(15)}${"m".repeat(255)}`;
    const found = await read(tarOf({ path: "short", pax: { path } }));
    expect([found.length, found.at(-1)!.path]).toEqual([16, path]);
  });
});
