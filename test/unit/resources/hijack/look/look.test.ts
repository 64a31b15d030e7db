/** How a server is entered: in which order, and how long it is waited for. A real sshd. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Config } from "../../../../../provider/resource.ts";
import { openAny } from "../../../../../provider/resources/hijack/look/look.ts";
import { connectionsOf } from "../../../../../provider/resources/hijack/model/logins.ts";
import { testCall } from "../../../../e2e/life.ts";
import { freePort } from "../../../../lab/processes.ts";
import { startSshd } from "../../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-look-"));
let sshd: Awaited<ReturnType<typeof startSshd>>;
let late: Server | undefined;
beforeAll(async () => {
  sshd = await startSshd(dir);
});
afterAll(async () => {
  late?.close();
  await sshd?.end();
  rmSync(dir, { recursive: true });
});

test("the new system is entered as root by the key; the user's password is not tried there", () => {
  const given = { host: "203.0.113.7", user: "ann", password: "canary", privateKey: "key" };
  expect(connectionsOf(given)).toEqual([{ host: "203.0.113.7", user: "root", privateKey: "key" }, given]);
  const root = { host: "203.0.113.7", password: "canary", privateKey: "key" };
  expect(connectionsOf(root)).toEqual([root]);
});

test("a server that boots is waited for, and a preview does not wait (pulumi/pulumi-command, dialErrorLimit)", async () => {
  const port = await freePort();
  const connection = { ...sshd.connection, port };
  const quick = testCall({} as Config, { preview: true });
  await expect(openAny([connection], quick, 10)).rejects.toThrow(/Connection refused/);
  expect(quick.said.steps).toEqual([]);
  const call = testCall({} as Config);
  const opening = openAny([connection], call);
  await expect.poll(() => call.said.steps, { timeout: 60_000 }).not.toEqual([]);
  late = createServer((socket) => {
    const inner = connect(sshd.connection.port!, "127.0.0.1");
    socket.on("error", () => inner.destroy()).pipe(inner);
    inner.on("error", () => socket.destroy()).pipe(socket);
  }).listen(port, "127.0.0.1");
  await (await opening).close();
  expect(call.said.steps[0]).toMatch(/^waiting for \S+ \(1 of 10\): .*Connection refused/);
  await expect(openAny([{ ...connection, port: 1, dialErrorLimit: 2 }], call)).rejects.toThrow(/Connection refused/);
  expect(call.said.steps.at(-1)).toMatch(/\(1 of 2\)/);
});
