/** A plugin that is killed by SIGKILL while it is connected through a jump host leaves no ssh and no file. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ONE_FILE } from "../../../lab/one-file.ts";
import { startSshd } from "../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-killed-"));
const script = join(dir, "connected.cjs");
let sshd: Awaited<ReturnType<typeof startSshd>>;
let child: ChildProcess | undefined;

beforeAll(async () => {
  await build({
    stdin: {
      contents: `import { withSsh } from "./provider/host/ssh/open.ts";
        import { quietTask } from "./provider/task.ts";
        withSsh(JSON.parse(process.argv[2]), quietTask(), async (ssh) => {
          await ssh.exec("echo connected; sleep 600", [], { root: false, onLine: (line) => console.log(line) });
        });`,
      resolveDir: join(import.meta.dirname, "../../../.."),
    },
    ...ONE_FILE,
    outfile: script,
  });
  sshd = await startSshd(dir);
});
afterAll(async () => {
  child?.kill("SIGKILL");
  await sshd.end();
  rmSync(dir, { recursive: true });
});

const base = process.env.XDG_RUNTIME_DIR ?? tmpdir();
/** Folders of the process, and processes that have one in their command line. */
function left(pid: number): string[] {
  const name = `pine-ssh-${pid}-`;
  const folders = readdirSync(base).filter((n) => n.includes(name));
  const processes = readdirSync("/proc").filter((n) => {
    const file = `/proc/${n}/cmdline`;
    try {
      return /^\d+$/.test(n) && existsSync(file) && readFileSync(file, "utf8").includes(name);
    } catch {
      return false;
    }
  });
  return [...folders, ...processes];
}

it("kill -9", async () => {
  const connection = { ...sshd.connection, proxy: sshd.connection };
  child = spawn(process.execPath, [script, JSON.stringify(connection)], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout!, "data");
  expect(String(said)).toBe("connected\n");
  // a folder, the ssh that holds the connection, the jump host's, and the session's
  expect(left(child.pid!).length).toBeGreaterThanOrEqual(4);
  child.kill("SIGKILL");
  await once(child, "exit");
  await expect.poll(() => left(child!.pid!), { timeout: 60_000 }).toEqual([]);
});
