/**
 * What tests of published repositories share: commits to publish, a web server, and hosts that pull by Debian's ostree.
 */
import { rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { commitTree } from "../../provider/image/ostree/write.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { run } from "../../provider/local/run.ts";
import type { Publication } from "../../provider/publish/folder.ts";
import { freePort, startProcess } from "../lab/processes.ts";
import { keyOf } from "../unit/trust/a-manifest.ts";
import type { ImageLab } from "./image-lab.ts";

/** Serves a folder; answers its address and how to end it. */
export async function serve(dir: string): Promise<{ url: string; end: () => Promise<unknown> }> {
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

export const ostree = async (...args: string[]) => (await run("ostree", args, { timeout: 120_000 })).stdout.trim();

/** A host's repository that knows the server. */
export async function host(lab: ImageLab, url: string, mode = "archive"): Promise<string> {
  const repo = join(lab.folder(), "host");
  await ostree("init", `--repo=${repo}`, `--mode=${mode}`);
  await ostree("remote", "add", `--repo=${repo}`, "--no-gpg-verify", "pine", url);
  return repo;
}

export const REF = "pine/test";

/** Commits that follow each other on {@link REF}. */
export class Versions {
  readonly made: string[] = [];
  constructor(
    private readonly lab: ImageLab,
    private readonly store: Store,
  ) {}

  /** Makes one more, and what is to be published then. The tree can be deployed, and has almost nothing in it. */
  async next(): Promise<Omit<Publication, "path">> {
    const n = this.made.length;
    const dir = this.lab.folder();
    await mkdir(join(dir, "usr/lib/modules/1.0"), { recursive: true });
    await mkdir(join(dir, "usr/etc"));
    for (const name of ["vmlinuz", "initramfs.img"]) await writeFile(join(dir, "usr/lib/modules/1.0", name), name);
    await writeFile(join(dir, "usr/etc/version"), `${n}\n`);
    for (let f = 0; f < 50; f++) await writeFile(join(dir, "usr/etc", `file-${f}`), `${n} ${f}\n`.repeat(100));
    const { lab, store } = this;
    const checksum = await commitTree({ ...lab, store }, dir, { timestamp: 1000 + n });
    this.made.push(checksum);
    const earlier = this.made.slice(-3, -1).reverse();
    const manifest = {
      checksum,
      ref: REF,
      version: `1.0.${n}`,
      arch: "x86_64",
      target: "vm" as const,
      created: 1000 + n,
    };
    const signing = { manifest, signers: { keys: [keyOf(1)], spare: [] }, statement: { withdrawn: [], barriers: [] } };
    return { ref: REF, checksum, earlier, deltas: 1, fromEmpty: n % 2 === 1, signing };
  }
}

/**
 * Publishes one version after the other while hosts pull so many times, each with a repository of its own: each gets
 * one whole commit, never an older one than the last, and at last one with `seen` before it.
 */
export async function pullMeanwhile(
  lab: ImageLab,
  versions: Versions,
  o: { url: string; pulls: number; seen: number; publish: (p: Omit<Publication, "path">) => Promise<void> },
): Promise<void> {
  const step = async () => o.publish(await versions.next());
  await step();
  let done = false;
  let failed: unknown;
  const publishing = (async () => {
    while (!done) await step();
  })().catch((e) => {
    failed = e;
  });
  try {
    let last = 0;
    for (let pull = 0; (pull < o.pulls || last < o.seen) && !failed; pull++) {
      const repo = await host(lab, o.url);
      await ostree("pull", `--repo=${repo}`, "pine", REF);
      const checksum = await ostree("rev-parse", `--repo=${repo}`, `pine:${REF}`);
      const n = versions.made.indexOf(checksum);
      expect(n, `pull ${pull}`).toBeGreaterThanOrEqual(last);
      last = n;
      expect(await ostree("cat", `--repo=${repo}`, checksum, "/usr/etc/version")).toBe(String(n));
      await ostree("fsck", `--repo=${repo}`, "--quiet");
      // what the manifest names is all there, too
      const named = /^checksum=(.*)$/m.exec(await (await fetch(`${o.url}/pine/${REF}.manifest`)).text())![1]!;
      await ostree("pull", `--repo=${repo}`, "pine", named);
      rmSync(repo, { recursive: true });
    }
  } finally {
    done = true;
    await publishing;
  }
  if (failed) throw failed;
}
