/**
 * acceptNewHostKey takes the first key alone: another server at the address gets nothing, whatever is done with the
 * resource.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Call } from "../../../../../provider/resource.ts";
import { hostHijack } from "../../../../../provider/resources/hijack/host-hijack.ts";
import { type Sshd, startSshd } from "../../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-pinned-"));
let [first, another]: Sshd[] = [];
beforeAll(async () => {
  first = await startSshd(dir, { name: "first" });
  another = await startSshd(dir, { name: "another", pam: { password: "canary" } });
});
afterAll(async () => {
  await first?.end();
  await another?.end();
  rmSync(dir, { recursive: true });
});

const call = (preview = false): Call => ({
  signal: new AbortController().signal,
  urn: "",
  name: "web",
  type: "",
  stack: "test/test",
  preview,
  timeoutSeconds: 0,
  step: () => {},
  info: () => {},
  warn: () => {},
  config: {
    store: join(dir, "store"),
    cache: join(dir, "cache"),
    mirror: "http://127.0.0.1:9",
    release: "v3.23",
    keys: {},
  },
});

it.each(["refresh", "preview of an update", "destroy"])("%s", async (operation) => {
  const { hostKey: _, ...given } = another!.connection;
  const inputs = { connection: { ...given, acceptNewHostKey: true, password: "canary" }, commit: "c".repeat(64) };
  const booted = { checksum: "b".repeat(64), deployment: "b.0", slot: "a", bootId: "b" };
  const state = { installationId: "i", hostKey: first!.connection.hostKey, booted, connection: { host: "127.0.0.1" } };
  const done =
    operation === "refresh"
      ? hostHijack.read(call(), { id: "i", state, inputs })
      : operation === "destroy"
        ? hostHijack.delete(call(), { id: "i", state, inputs })
        : hostHijack.update(call(true), { id: "i", olds: state, oldInputs: { ...inputs, commit: "d" }, news: inputs });
  await expect(done).rejects.toMatchObject({
    code: "host-key",
    message: expect.stringMatching(/seen at the first connection\); no credential was sent; .*set connection\.hostKey/),
  });
  expect(await another!.got()).toEqual([]);
});
