/**
 * A connection that is lost in the midst of a step: sshd does not end the step, so who gets the server's lock next
 * does. A real sshd, whose connection is cut, and made-up servers on which the real steps wait.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { lockHost } from "../../../provider/host/locks/server.ts";
import {
  finalizeScript,
  hostKeysScript,
  installScript,
  lockScript,
  trustScript,
  updateScript,
} from "../../../provider/host/scripts.ts";
import { agent } from "../../../provider/host/server/agent.ts";
import { withSsh } from "../../../provider/host/ssh/open.ts";
import type { Ssh } from "../../../provider/host/ssh/types.ts";
import { quietTask } from "../../../provider/task.ts";
import { startSshd } from "../../lab/sshd/index.ts";
import { makeServer, runOn, SHELLS, type Step, workFolder } from "../system/a-server.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-lost-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** The lock's and the steps' files are root's: the same over this login. */
const asLogin = (ssh: Ssh) =>
  ({
    exec: (script, args, o) => ssh.exec(`PINE_RUN=${dir}\n${script}`, args, { ...o, root: false }),
  }) as Ssh;

it("the step goes on without its connection, until the next one has the lock; no step of that is touched", async () => {
  const sshd = await startSshd(dir);
  try {
    const count = join(dir, "count");
    const counted = () => (existsSync(count) ? Number(readFileSync(count, "utf8")) : 0);
    const counting = `exec 8>>"$PINE_RUN/pine.receiving"
      n=0
      while [ $n -lt 600 ]; do n=$((n + 1)); echo $n >${count}.new; mv ${count}.new ${count}; sleep 0.1; done`;
    const lost = new AbortController();
    const first = withSsh(sshd.connection, quietTask(lost.signal), async (ssh) => {
      await lockHost(asLogin(ssh), "first");
      await asLogin(ssh).exec(counting);
    }).catch((e) => e);
    await expect.poll(counted, { timeout: 30_000 }).toBeGreaterThan(3);
    lost.abort();
    await first;
    const then = counted();
    await expect.poll(counted, { timeout: 30_000 }).toBeGreaterThan(then + 5);
    await withSsh(sshd.connection, quietTask(), async (ssh) => {
      const unlock = await lockHost(asLogin(ssh), "second");
      const ended = counted();
      await sleep(1000);
      expect(counted()).toBe(ended);
      expect((await asLogin(ssh).exec(`exec 8>>"$PINE_RUN/pine.receiving"; echo done`)).stdout).toBe("done");
      await unlock();
    });
  } finally {
    await sshd.end();
  }
}, 120_000);

/** What `pine deploy` and the like are sent as. */
async function sent(args: string[]): Promise<string> {
  let script = "";
  const exec = async (text: string) => {
    script = text;
    return { stdout: "" };
  };
  await agent({ exec } as unknown as Ssh, args);
  return script;
}

describe.each(SHELLS)("%s: a step that is left at work, waiting, is ended by the next lock", (shell) => {
  /** Says so, and waits for what never comes. */
  const WAITS = ": >/run/waits\nread -r _";
  /** Where it does: before a step's work, or after the first line. */
  const [at, first] = [/^case \$\{1:-\} in$/m, /^set -eu$/m];
  it.each<[string, () => Promise<string>, RegExp, string[], number]>([
    ["of an installation", async () => installScript(), at, ["boot", "grub.cfg"], 0],
    ["of an update", async () => updateScript(), at, ["write", "/etc/app.conf", "644", "0:0"], 0],
    ["the old system's removal", async () => finalizeScript(false), first, ["remove"], 0],
    ["a container's old system's removal", async () => finalizeScript(true), first, ["remove"], 0],
    ["host keys", async () => hostKeysScript(), first, ["/sysroot", "some", "22"], 0],
    ["the keys it trusts", async () => trustScript(), first, ["keep"], 0],
    ["the agent's deployment", () => sent(["deploy", "c", "t"]), at, ["deploy", "c", "t"], 0],
    ["not what only asks", () => sent(["status"]), at, ["status"], 1],
  ])(
    "%s",
    async (_, script, line, args, stays) => {
      const work = workFolder();
      try {
        const root = join(work, "root");
        makeServer(root, shell);
        const start: Step = {
          // its functions and its standard input wait for what never comes
          script: `mkfifo /run/never
          mkdir -p /boot/grub/pine
          text=$1
          shift
          (exec 7<>/run/never; exec sh -c "$text" step "$@" <&7 >/dev/null 2>&1) &
          echo $! >/run/step
          n=0
          until [ -e /run/waits ] || [ -e "/proc/$(cat /run/step)/fd/8" ] || [ $n = 1200 ]; do n=$((n + 1)); sleep 0.1; done
          kill -0 "$(cat /run/step)"`,
          args: [(await script()).replace(line, line === at ? `${WAITS}\n$&` : `$&\n${WAITS}`), ...args],
        };
        const lock: Step = {
          script: `text=$1
          sh -c "$text" lock next </dev/null
          step=$(cat /run/step) n=$2
          # a stat line: number (name) state
          while grep -q ') [^ZX] ' "/proc/$step/stat" 2>/dev/null; do
            if [ "$n" = 0 ]; then echo stays; kill -9 "$step"; break; fi
            n=$((n - 1)); sleep 0.1
          done`,
          // tenths of a second
          args: [lockScript(), stays ? "10" : "300"],
        };
        const r = await runOn(root, [start, lock]);
        expect([r.code, r.stderr, r.stdout]).toEqual([0, "", stays ? "locked\nstays\n" : "locked\n"]);
      } finally {
        rmSync(work, { recursive: true });
      }
    },
    300_000,
  );
});
