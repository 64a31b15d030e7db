import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Store } from "../../../provider/image/store/store.ts";
import { writeWhole } from "../../../provider/local/files.ts";
import { myself } from "../../../provider/local/holder.ts";
import { removeAbandonedLocks, withFileLock } from "../../../provider/local/lock.ts";
import { quietTask } from "../../../provider/task.ts";

let dir = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-lock-"));
});
afterEach(() => {
  for (const c of children.splice(0)) c.kill("SIGKILL");
  rmSync(dir, { recursive: true });
});

const provider = join(import.meta.dirname, "../../../provider");
/** Another process that runs TypeScript; resolves at its first line of output. */
function other(code: string): Promise<{ child: ChildProcess; line: string }> {
  const file = join(dir, `${children.length}.mts`);
  writeFileSync(file, code);
  const cwd = join(provider, "..");
  const child = spawn(process.execPath, ["--import", "tsx", file], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.once("data", (d) => resolve({ child, line: String(d).trim() }));
    child.once("exit", (code) => reject(new Error(`exit ${code}`)));
  });
}
const holder = () =>
  other(`import { withFileLock } from "${provider}/local/lock.ts";
    import { quietTask } from "${provider}/task.ts";
    await withFileLock(${JSON.stringify(join(dir, "lock"))}, "rootfs web", quietTask(), async () => {
      console.log("held"); await new Promise((r) => setTimeout(r, 3600_000)); });`);

describe("the lock", () => {
  it("lets one in at a time, in turn", async () => {
    const order: string[] = [];
    const one = (n: number) =>
      withFileLock(join(dir, "lock"), "x", quietTask(), async () => {
        order.push(`in ${n}`);
        await sleep(20);
        order.push(`out ${n}`);
      });
    await Promise.all([one(1), one(2), one(3)]);
    expect(order).toEqual(["in 1", "out 1", "in 2", "out 2", "in 3", "out 3"]);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("is given back when the work fails", async () => {
    const fails = withFileLock(join(dir, "lock"), "x", quietTask(), () => Promise.reject(new Error("no")));
    await expect(fails).rejects.toThrow("no");
    await withFileLock(join(dir, "lock"), "x", quietTask(), async () => {});
  });

  it("of a living process is waited for, saying for whom, until cancelled", async () => {
    const { child } = await holder();
    const steps: string[] = [];
    const cancel = new AbortController();
    const task = {
      ...quietTask(cancel.signal),
      step: (m: string) => {
        steps.push(m);
        cancel.abort();
      },
    };
    await expect(withFileLock(join(dir, "lock"), "y", task, async () => {})).rejects.toThrow(/abort/i);
    expect(steps[0]).toContain(`waiting for rootfs web (pid ${child.pid})`);
    expect(JSON.parse(readFileSync(join(dir, "lock"), "utf8")).pid).toBe(child.pid);
  });

  it("of a dead process is taken over by one of those who want it", async () => {
    const { child } = await holder();
    child.removeAllListeners("exit");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    let inside = 0;
    // three locks' worth of contenders that do not share a queue: as many paths to the same file
    const paths = ["lock", "./lock", "x/../lock"].map((p) => `${dir}/${p}`);
    mkdirSync(join(dir, "x"));
    await Promise.all(
      paths.map((path) =>
        withFileLock(path, "z", quietTask(), async () => {
          expect(++inside).toBe(1);
          await sleep(50);
          inside--;
        }),
      ),
    );
    expect(readdirSync(dir).filter((n) => n.startsWith("lock"))).toEqual([]);
  });

  it("of an ended process goes at the next start, with its drafts; a living one's and what is none stay", async () => {
    const held = JSON.stringify({ ...myself(), start: "1", token: "0123456789abcdef", what: "old" });
    const gone = ["lock", "a.lock", "lock.0123456789abcdef", "a.lock.7-0123456789abcdef"];
    for (const name of gone) writeFileSync(join(dir, name), held);
    for (const name of [".lock", "block", "a.lock.json", "unlocked"]) writeFileSync(join(dir, name), held);
    await withFileLock(join(dir, "b.lock"), "x", quietTask(), async () => {
      await removeAbandonedLocks(dir);
      expect(readdirSync(dir).sort()).toEqual([".lock", "a.lock.json", "b.lock", "block", "unlocked"]);
    });
  });

  it("of a pid that was given again is no lock", async () => {
    writeFileSync(join(dir, "lock"), JSON.stringify({ ...myself(), start: "1", token: "t", what: "old" }));
    await withFileLock(join(dir, "lock"), "x", quietTask(), async () => {});
  });

  it("of another machine stands", async () => {
    writeFileSync(join(dir, "lock"), JSON.stringify({ ...myself(), host: "elsewhere", token: "t", what: "old" }));
    const steps: string[] = [];
    const cancel = new AbortController();
    const task = { ...quietTask(cancel.signal), step: (m: string) => cancel.abort(steps.push(m)) };
    await expect(withFileLock(join(dir, "lock"), "x", task, async () => {})).rejects.toThrow();
    expect(steps[0]).toMatch(/on elsewhere/);
  });
});

describe("files and folders", () => {
  it("are written whole and leave nothing beside them", async () => {
    await Promise.all(["a", "b", "c"].map((x) => writeWhole(join(dir, "f"), x.repeat(100_000))));
    expect(readFileSync(join(dir, "f"), "utf8")).toMatch(/^(a+|b+|c+)$/);
    expect(readdirSync(dir)).toEqual(["f"]);
  });

  it("of work in progress go with it, and those of dead processes at the next start", async () => {
    const store = await Store.open(join(dir, "store"));
    let seen = "";
    await expect(
      store.temp(async (path) => {
        seen = path;
        writeFileSync(join(path, "x"), "");
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(seen).toMatch(new RegExp(`/tmp/${process.pid}-[0-9a-f]+/work$`));
    expect(readdirSync(store.path("tmp"))).toEqual([]);
    const { child, line } = await other(`import { Store } from "${provider}/image/store/store.ts";
      const s = await Store.open(${JSON.stringify(store.dir)});
      await s.temp(async (p) => { console.log(p); await new Promise((r) => setTimeout(r, 3600_000)); });`);
    // alive: left alone, by another process that opens the store too
    await other(
      `import { Store } from "${provider}/image/store/store.ts"; await Store.open(${JSON.stringify(store.dir)}); console.log("ok"); setTimeout(() => {}, 1e6)`,
    );
    expect(store.path("tmp", readdirSync(store.path("tmp"))[0]!, "work")).toBe(line);
    child.removeAllListeners("exit");
    const gone = new Promise((r) => child.once("exit", r));
    child.kill("SIGKILL");
    await gone;
    await other(
      `import { Store } from "${provider}/image/store/store.ts"; await Store.open(${JSON.stringify(store.dir)}); console.log("ok"); setTimeout(() => {}, 1e6)`,
    );
    expect(readdirSync(store.path("tmp"))).toEqual([]);
  });

  it("a store keeps what its roots name, and takes no name that leads out of it", async () => {
    const store = await Store.open(join(dir, "store"));
    await store.addRoot("rootfs-1", ["rootfs/a"]);
    await store.addRoot("rootfs-1", ["rootfs/b", "commit/c"]);
    await store.addRoot("rootfs-2", ["rootfs/a"]);
    await store.dropRoot("rootfs-2");
    await store.dropRoot("never-there");
    expect(await store.roots()).toEqual({ "rootfs-1": ["rootfs/b", "commit/c"] });
    for (const bad of ["../x", "", ".", "a/b"]) expect(() => store.rootfs(bad), bad).toThrow(/not a name in the store/);
  });

  it("a store that cannot be written says what to do", async () => {
    writeFileSync(join(dir, "file"), "");
    await expect(Store.open(join(dir, "file", "store"))).rejects.toThrow(/cannot be written.*set pine:store/);
  });
});
