/**
 * A transfer goes on: the plan by tables, and over a real sshd whose connection is cut, cancelled, or whose program is
 * killed in the middle.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { assetText } from "../../../../provider/assets.ts";
import type { Connection } from "../../../../provider/host/ssh/connection.ts";
import { SshError } from "../../../../provider/host/ssh/errors.ts";
import { withSsh } from "../../../../provider/host/ssh/open.ts";
import { BLOCK, blockDigests, parsePart, sendFile, whereToGoOn } from "../../../../provider/host/ssh/parts.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { quietTask, type Task } from "../../../../provider/task.ts";
import { humanBytes } from "../../../../provider/words.ts";
import { ONE_FILE } from "../../../lab/one-file.ts";
import { type Sshd, startSshd } from "../../../lab/sshd/index.ts";

const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];

describe("where to go on", () => {
  const size = 2 * BLOCK + 10;
  it.each<[string, number | undefined, string[], string[], number]>([
    ["nothing is there", 0, [], [], 0],
    ["part of a block", 9, [a], [a], 9],
    ["part of a block, another", 9, [b], [a], 0],
    ["the second block is another", 2 * BLOCK, [a, c], [a, b], BLOCK],
    ["the last, short one is another", size, [a, b, a], [a, b, c], 2 * BLOCK],
    ["all of it", size, [a, b, c], [a, b, c], size],
    ["a good one after a bad one counts for nothing", size, [b, b, c], [a, b, c], 0],
    ["more than there can be", size + 1, [a, b, c], [a, b, c], 0],
    ["no room for it", undefined, [], [], 0],
  ])("%s", (_, bytes, there, own, from) => expect(whereToGoOn({ bytes, digests: there }, own, size)).toBe(from));
  it("the server's answer is read, or told", () => {
    expect(parsePart(`${BLOCK + 1}\n${a}\n${b}\n`)).toEqual({ bytes: BLOCK + 1, digests: [a, b] });
    expect(parsePart("straight\n")).toEqual({ digests: [] });
    for (const text of ["", "x", `${BLOCK}\n`, `${BLOCK}\n${a}\n${b}`, "5\nshort", "-1"])
      expect(() => parsePart(text), text).toThrow(/does not understand .*; run `pulumi up` again/);
  });
});

describe("a real connection", { timeout: 180_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), "pine-parts-"));
  const size = 3 * BLOCK + 777;
  const data = randomBytes(size);
  const sha256 = createHash("sha256").update(data).digest("hex");
  const file = { path: join(dir, "data"), size, sha256 };
  const there = () => statSync(join(dir, "parts", sha256), { throwIfNoEntry: false })?.size ?? 0;
  const script = `set -eu
    ${assetText("system/rootfs/usr/libexec/pine/prelude")}
    ${assetText("host/ssh/parts.sh").replaceAll("/run/", `${dir}/`)}
    case $1 in
      part) part ${dir}/parts "$2" "$3" 0 ;;
      receive) arrive ${dir}/parts "$2" "$3" "$4" it ;;
    esac`;
  const bundle = join(dir, "send.cjs");
  let sshd: Sshd;
  let child: ChildProcess | undefined;
  let proxy: Awaited<ReturnType<typeof startProxy>>;

  beforeAll(async () => {
    writeFileSync(file.path, data);
    sshd = await startSshd(dir);
    proxy = await startProxy(sshd.connection.port!);
    await build({
      stdin: {
        contents: `import { readFileSync } from "node:fs";
          import { sendFile } from "./provider/host/ssh/parts.ts";
          import { withSsh } from "./provider/host/ssh/open.ts";
          import { quietTask } from "./provider/task.ts";
          const { connection, file, script } = JSON.parse(readFileSync(process.argv[2], "utf8"));
          const asLogin = (ssh) => ({
            exec: (s, a, o) => ssh.exec(s, a, { ...o, root: false }),
            upload: (f, s, a, o) => ssh.upload(f, s, a, { ...o, root: false }),
          });
          withSsh(connection, quietTask(), (ssh) => sendFile(asLogin(ssh), file, { script, more: [], what: "sending" }, quietTask()));`,
        resolveDir: join(import.meta.dirname, "../../../.."),
      },
      ...ONE_FILE,
      outfile: bundle,
    });
  }, 120_000);
  beforeEach(() => rmSync(join(dir, "parts"), { recursive: true, force: true }));
  afterAll(async () => {
    child?.kill("SIGKILL");
    await proxy?.end();
    await sshd?.end();
    rmSync(dir, { recursive: true });
  });

  const connection = (): Connection => ({ ...sshd.connection, port: proxy.port });
  async function send(task: Task = quietTask()): Promise<number> {
    return withSsh(connection(), task, (ssh) => {
      const asLogin = {
        exec: (s, args, o) => ssh.exec(s, args, { ...o, root: false }),
        upload: (f, s, args, o) => ssh.upload(f, s, args, { ...o, root: false }),
      } as Ssh;
      return sendFile(asLogin, file, { script, more: [], what: "sending" }, task);
    });
  }
  /** The rest comes, and no more than that; the progress says so. */
  async function goesOn(): Promise<void> {
    const steps: string[] = [];
    const before = proxy.bytes;
    const sent = await send({ ...quietTask(), step: (text) => void steps.push(text) });
    const from = size - sent;
    expect(from).toBeGreaterThan(0);
    expect(steps[0]).toBe(`going on at ${humanBytes(from)} of ${humanBytes(size)}`);
    expect(steps.at(-1)).toMatch(new RegExp(`^sent ${humanBytes(size)} of ${humanBytes(size)}, `));
    // SSH's own, login and scripts
    expect(proxy.bytes - before).toBeLessThan(sent + 200_000);
    expect(proxy.bytes - before).toBeGreaterThan(sent);
    expect(await blockDigests(join(dir, "parts", sha256), size)).toEqual(await blockDigests(file.path, size));
  }

  it("cut in the middle, twice: the error says where it goes on, and what arrived is not sent again", async () => {
    for (const cut of [1.5 * BLOCK, 2.5 * BLOCK]) {
      const was = there();
      proxy.at(cut - was, (socket) => socket.destroy());
      const error = await send().catch((e) => e);
      expect(error).toBeInstanceOf(SshError);
      expect([error.code, error.hint]).toEqual([
        "lost",
        expect.stringMatching(/^run `pulumi up` again: it continues from up to [\d.]+ MB of 13 MB$/),
      ]);
      expect(error.message.split("run `pulumi up` again")).toHaveLength(2);
      await expect.poll(there).toBeGreaterThan(was);
    }
    expect(there()).toBeGreaterThan(1.5 * BLOCK);
    await goesOn();
  });

  it("cancelled in the middle", async () => {
    const cancel = new AbortController();
    proxy.at(2 * BLOCK, () => cancel.abort());
    await expect(send(quietTask(cancel.signal))).rejects.toThrow();
    await goesOn();
  });

  it("killed in the middle by SIGKILL", async () => {
    const settings = join(dir, "settings");
    writeFileSync(settings, JSON.stringify({ connection: connection(), file, script }));
    child = spawn(process.execPath, [bundle, settings], { stdio: "inherit" });
    const ended = new Promise((done) => child!.on("exit", done));
    proxy.at(2 * BLOCK, () => void child!.kill("SIGKILL"));
    await ended;
    await goesOn();
  });

  it("whole already: nothing is sent", async () => {
    expect(await send()).toBe(size);
    expect(await send()).toBe(0);
  });
});

/**
 * Passes connections on, counts what clients send, and calls back once so many more bytes have passed; then no more do.
 */
async function startProxy(to: number) {
  const state = { bytes: 0, left: Number.POSITIVE_INFINITY, act: (_: Socket) => {} };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(to, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.on("close", () => target.destroy());
    target.on("close", () => client.destroy());
    target.pipe(client);
    client.on("data", (chunk) => {
      if (state.left <= 0) return;
      state.bytes += chunk.length;
      state.left -= chunk.length;
      const room = target.write(chunk);
      if (state.left <= 0) {
        state.left = Number.POSITIVE_INFINITY;
        client.pause();
        // what was passed on is there before the end
        setTimeout(() => state.act(client), 200);
      } else if (!room) {
        client.pause();
        target.once("drain", () => client.resume());
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    get bytes() {
      return state.bytes;
    },
    at(bytes: number, act: (socket: Socket) => void) {
      Object.assign(state, { left: bytes, act });
    },
    async end() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
