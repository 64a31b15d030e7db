/** A published repository, served by Python's web server, pulled from by Debian's ostree as a host does it. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commitTree } from "../../provider/image/ostree.ts";
import { manifestPath, publish } from "../../provider/image/publish.ts";
import type { Store } from "../../provider/image/store.ts";
import { ostreeCommit } from "../../provider/resources/ostreecommit.ts";
import { rootfs } from "../../provider/resources/rootfs.ts";
import { run } from "../../provider/run.ts";
import { Secret } from "../../provider/values.ts";
import { startProcess } from "../lab/processes.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";

let lab: ImageLab;
let store: Store;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
});
afterAll(() => lab?.end());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** Serves a folder; answers its address and how to end it. */
async function serve(dir: string): Promise<{ url: string; end: () => Promise<unknown> }> {
  const port = await freePort();
  const args = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", dir, String(port)];
  const server = startProcess("web server", "python3", args, { cwd: dir, stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  for (let n = 0; ; n++) {
    if ((await fetch(url).catch(() => undefined))?.ok) break;
    expect(n).toBeLessThan(200);
    await sleep(50);
  }
  const end = () => {
    server.child.kill();
    return server.ended;
  };
  return { url, end };
}

const ostree = async (...args: string[]) => (await run("ostree", args, { timeout: 120_000 })).stdout.trim();

/** A host's repository that knows the server. */
async function host(url: string, mode = "archive"): Promise<string> {
  const repo = join(lab.folder(), "host");
  await ostree("init", `--repo=${repo}`, `--mode=${mode}`);
  await ostree("remote", "add", `--repo=${repo}`, "--no-gpg-verify", "pine", url);
  return repo;
}

describe("while it is published to, again and again", () => {
  const REF = "pine/test";
  /** A tree that can be deployed, with almost nothing in it. */
  async function version(n: number): Promise<string> {
    const dir = lab.folder();
    await mkdir(join(dir, "usr/lib/modules/1.0"), { recursive: true });
    await mkdir(join(dir, "usr/etc"));
    for (const name of ["vmlinuz", "initramfs.img"]) await writeFile(join(dir, "usr/lib/modules/1.0", name), name);
    await writeFile(join(dir, "usr/etc/version"), `${n}\n`);
    for (let f = 0; f < 50; f++) await writeFile(join(dir, "usr/etc", `file-${f}`), `${n} ${f}\n`.repeat(100));
    return commitTree(store, lab.toolbox, dir, { timestamp: 1000 + n }, lab.task);
  }

  it("whoever pulls gets one whole commit or the next, 50 times", async () => {
    const path = lab.folder();
    const made: string[] = [];
    let done = false;
    const step = async () => {
      made.push(await version(made.length));
      const [checksum, ...earlier] = [...made].reverse();
      const o = {
        path,
        ref: REF,
        checksum: checksum!,
        earlier: earlier.slice(0, 2),
        deltas: 1,
        fromEmpty: made.length % 2 === 0,
      };
      const text = `pine=1\nchecksum=${checksum}\n`;
      await publish(store, lab.toolbox, { ...o, signed: { text, signatures: ["x"] } }, lab.task);
    };
    await step();
    const publishing = (async () => {
      while (!done) await step();
    })();
    const { url, end } = await serve(path);
    try {
      let last = 0;
      for (let pull = 0; pull < 50; pull++) {
        const repo = await host(url);
        await ostree("pull", `--repo=${repo}`, "pine", REF);
        const checksum = await ostree("rev-parse", `--repo=${repo}`, `pine:${REF}`);
        const n = made.indexOf(checksum);
        expect(n, `pull ${pull}`).toBeGreaterThanOrEqual(last);
        last = n;
        expect(await ostree("cat", `--repo=${repo}`, checksum, "/usr/etc/version")).toBe(String(n));
        await ostree("fsck", `--repo=${repo}`, "--quiet");
        // what the manifest names is all there, too
        const named = /^checksum=(.*)$/m.exec(await (await fetch(`${url}/pine/${REF}.manifest`)).text())![1]!;
        await ostree("pull", `--repo=${repo}`, "pine", named);
        rmSync(repo, { recursive: true });
      }
      expect(last).toBeGreaterThan(2); // it was published to meanwhile
    } finally {
      done = true;
      await publishing;
      await end();
    }
    // of the earlier ones two are kept
    const commits = readdirSync(join(path, "objects")).flatMap((d) => readdirSync(join(path, "objects", d)));
    expect(commits.filter((name) => name.endsWith(".commit"))).toHaveLength(3);

    // another branch in the same folder takes nothing away
    const other = { path, ref: "pine/other", checksum: made[0]!, earlier: [], deltas: 0, fromEmpty: false };
    await publish(store, lab.toolbox, other, lab.task);
    const refs = (await ostree("refs", `--repo=${path}`)).split("\n").sort();
    expect(refs).toEqual(["pine/other", REF]);
    for (const ref of refs) await ostree("ls", `--repo=${path}`, "-R", ref);
    await ostree("fsck", `--repo=${path}`, "--quiet");
    await step();
    expect(await ostree("rev-parse", `--repo=${path}`, "pine/other")).toBe(made[0]);
    await ostree("fsck", `--repo=${path}`, "--quiet");
  });
});

describe("an OstreeCommit", () => {
  let path: string;
  let system: Life;
  let life: Life;
  let checksum: string;
  const key = new Secret(Buffer.alloc(32, 7).toString("base64"));
  beforeAll(async () => {
    path = lab.folder();
    const config = lab.config(store);
    [system, life] = [new Life(rootfs, config), new Life(ostreeCommit, config)];
    for (const packages of [[], ["tree"]]) {
      await system.up({ packages });
      await life.up({ rootfs: system.state.digest!, signingKey: key, publish: { path } });
    }
    checksum = String(life.state.checksum);
  });

  it("is in its folder, with its manifest and a delta from the one before, which is enough to get it", async () => {
    expect(await readFile(manifestPath(path, "pine/x86_64/stable"), "utf8")).toMatch(
      new RegExp(`^pine=1\nchecksum=${checksum}\nref=pine/x86_64/stable\nversion=0\\.1\\.1\n.*\n\nRW\\S+\n$`, "s"),
    );
    const parent = String(life.state.parent);
    expect(await ostree("static-delta", "list", `--repo=${path}`)).toBe(`${parent}-${checksum}`);
    const { url, end } = await serve(path);
    try {
      const repo = await host(url, "bare-user"); // deltas are for what has files as they are
      await ostree("pull", `--repo=${repo}`, "pine", parent);
      await ostree("pull", `--repo=${repo}`, "--require-static-deltas", "pine", "pine/x86_64/stable");
      expect(await ostree("rev-parse", `--repo=${repo}`, "pine:pine/x86_64/stable")).toBe(checksum);
      expect(await ostree("ls", `--repo=${repo}`, checksum, "/usr/bin/tree")).toMatch(/^-00755 0 0 /);
    } finally {
      await end();
    }
  });

  it("has no change while the folder has it, and is published again when it has not", async () => {
    const inputs = { rootfs: system.state.digest!, signingKey: key, publish: { path } };
    expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: false });
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
    expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: true });
    await life.up(inputs);
    expect(existsSync(join(path, "summary"))).toBe(true);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["a path that is not absolute", () => ({ path: "www" }), /publish\.path: expected an absolute path, got "www"/],
    ["no path", () => ({}), /publish\.path: is missing/],
    ["deltas below 0", () => ({ path: "/srv", deltas: -1 }), /publish\.deltas: .*0 to 20/],
    [
      "a folder that is not there",
      () => ({ path: "/nonesuch/www" }),
      /publish\.path: \/nonesuch\/www is not there: make it/,
    ],
    [
      "a file",
      () => {
        const file = join(lab.folder(), "file");
        writeFileSync(file, "");
        return { path: file };
      },
      /is no folder/,
    ],
    [
      "a folder with something else in it",
      () => {
        const dir = lab.folder();
        mkdirSync(join(dir, "photos"));
        return { path: dir };
      },
      /holds something else: give an empty folder/,
    ],
  ])("refuses %s in preview", async (_, value, message) => {
    const other = new Life(ostreeCommit, lab.config(store));
    await expect(other.preview({ rootfs: system.state.digest!, publish: value() as never })).rejects.toThrow(message);
  });
});
