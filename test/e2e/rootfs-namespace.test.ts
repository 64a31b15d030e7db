/** Namespaces with real programs: what is in reach, who owns what, and that nothing outlives a cancel. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeTree, runIn, runMapped } from "../../provider/image/namespace/run-in.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { run } from "../../provider/local/run.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, gone, startBench, started } from "./life.ts";

let bench: Bench;
let tree: string;
beforeAll(async () => {
  bench = await startBench("namespace");
  tree = (await toolbox(toolsOf(bench.config), quietTask())).tree;
});
afterAll(() => bench?.end());

const sh = (script: string, o: Parameters<typeof runIn>[2] = {}) =>
  runIn(tree, ["sh", "-c", script], { readOnly: true, ...o }).then((r) => r.stdout);

describe("a program in a tree", () => {
  it("sees the tree and nothing else of this machine", async () => {
    expect(await sh("cd /; ls -d etc sbin")).toBe("etc\nsbin");
    writeFileSync(join(bench.work, "secret"), "x");
    expect(await sh(`cat ${bench.work}/secret 2>&1 || true`)).toMatch(/No such file/);
    const nodes = ["full", "null", "random", "urandom", "zero"].filter((n) => existsSync(`/dev/${n}`));
    const others = ["fd", "shm", "stderr", "stdin", "stdout"];
    expect((await sh("ls /dev")).split("\n")).toEqual([...nodes, ...others].sort());
    // the old root is not mounted any more, not even out of sight
    expect(await sh("cat /proc/self/mounts")).not.toMatch(/ \/(home|boot|sys)[ /]/);
  });
  it("is alone and has no network", async () => {
    expect(await sh("echo $$")).toBe("1");
    expect(
      (await sh("cat /proc/net/dev"))
        .split("\n")
        .slice(2)
        .map((l) => l.trim().split(":")[0]),
    ).toEqual(["lo"]);
    expect(await sh("ps -o pid | wc -l")).toMatch(/^[34]$/);
  });
  it("inherits no environment", async () => {
    process.env.PINE_TEST_SECRET = "hidden";
    expect((await sh("env", { env: { GIVEN: "yes" } })).split("\n").sort()).toEqual(
      expect.arrayContaining(["GIVEN=yes", "HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]),
    );
    expect(await sh("env")).not.toContain("hidden");
  });
  it("cannot change a read-only tree or bind, and can change another", async () => {
    const dir = join(bench.work, "bound");
    mkdirSync(dir);
    writeFileSync(join(dir, "f"), "old");
    const binds = [
      { source: dir, target: "/run/ro", readOnly: true },
      { source: dir, target: "/run/rw" },
    ];
    const said = await sh("echo x >/x; echo x >/run/ro/f; echo new >/run/rw/f; cat /run/ro/f", { binds, ok: [0, 1] });
    expect(said).toBe("new");
    expect(readdirSync(tree)).not.toContain("x");
  });
  it("gets what is sent to it, and its exit code comes back", async () => {
    expect(await sh("sort", { input: "b\na\n" })).toBe("a\nb");
    const lines: string[] = [];
    const failing = sh("echo one; echo bad luck >&2; exit 7", { onLine: (l) => lines.push(l) });
    await expect(failing).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringMatching(/exit code 7\nbad luck/),
    });
    expect(lines.sort()).toEqual(["bad luck", "one"]);
    expect((await runIn(tree, ["false"], { readOnly: true, ok: [1] })).exitCode).toBe(1);
  });
  it("ends when its time is over", async () =>
    expect(sh("sleep 1000", { timeout: 200 })).rejects.toThrow(/took longer than 0\.2 s/));
});

describe("nothing is left", () => {
  const nap = () => `${100_000 + Math.floor(Math.random() * 900_000)}`;
  const mounts = () =>
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((l) => l.includes(bench.work));

  it("when it is cancelled, also of what it started in the background", async () => {
    const seconds = nap();
    const cancel = new AbortController();
    const running = sh(`trap '' TERM INT HUP; sleep ${seconds} & sleep ${seconds}; sleep ${seconds}`, {
      signal: cancel.signal,
    });
    running.catch(() => {});
    await started(`sleep ${seconds}`, 3, running);
    cancel.abort();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    await gone(`sleep ${seconds}`);
    expect(mounts()).toEqual([]);
  });

  it("when this process is killed", async () => {
    const seconds = nap();
    const file = join(bench.work, "killed.mts");
    const image = join(import.meta.dirname, "../../provider/image");
    writeFileSync(
      file,
      `import { runIn } from "${image}/namespace/run-in.ts";
      await runIn("${tree}", ["sleep", "${seconds}"], { readOnly: true });`,
    );
    const cwd = join(import.meta.dirname, "../..");
    const child = execa(process.execPath, ["--import", "tsx", file], { cwd, all: true, reject: false });
    await started(
      `sleep ${seconds}`,
      1,
      child.then(({ exitCode, signal, all }) => `${exitCode ?? signal}: ${all}`),
    );
    child.kill("SIGKILL");
    await gone(`sleep ${seconds}`);
    expect(mounts()).toEqual([]);
  });
});

describe("owners", () => {
  it("are those of the tree: any id, setuid bits too", async () => {
    const dir = join(bench.work, "owners");
    mkdirSync(dir);
    const script = "cd /run/o; echo >f; chown 42:65534 f; chmod 4750 f; stat -c '%u:%g %a' f";
    expect(await sh(script, { binds: [{ source: dir, target: "/run/o" }] })).toBe("42:65534 4750");
    expect((await runMapped(["stat", "-c", "%u:%g %a", join(dir, "f")])).stdout).toBe("42:65534 4750");
    await removeTree(dir);
    expect(readdirSync(bench.work)).not.toContain("owners");
  });

  it("do not keep a folder from being removed, nor does OSTree's immutable flag", async () => {
    const dir = join(bench.work, "immutable");
    mkdirSync(join(dir, "deploy"), { recursive: true });
    writeFileSync(join(dir, "deploy/f"), "");
    // only root can set it; so it is on folders of root's alone
    if (process.getuid?.() === 0) await run("chattr", ["+i", join(dir, "deploy")]);
    else await runMapped(["chown", "-R", "7:7", dir]);
    await removeTree(dir);
    await removeTree(dir);
    expect(readdirSync(bench.work)).not.toContain("immutable");
  });
});
