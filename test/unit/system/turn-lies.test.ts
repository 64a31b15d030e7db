/**
 * A store that says it wrote what it did not: libexec/pine/turn, by both shells. Real ones do so with a proxy or a
 * member between that answers for another. Numbers are those of public reports.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { turnScript } from "../../../provider/host/scripts.ts";
import { run } from "../../../provider/local/run.ts";

const home = mkdtempSync(join(tmpdir(), "pine-turn-lies-"));
const A = "a".repeat(64);
const GROUP = "pine-turn 1\nmember w1 0 1 0\nmember w2 0 1 0\n";
const own = `holder w1 ${A} 1700000000 4000000000 update x\n`;
const other = `holder w2 ${A} 1700000000 4000000000 update x\n`;

/** As Consul's KV store: one key, compared before it is written; `write` is what it does with what it is given. */
let text = "";
let index = 1;
let write: (given: string) => boolean;
const store = createServer(async (request, response) => {
  let given = "";
  for await (const part of request) given += part;
  response.setHeader("X-Consul-Index", index);
  if (request.method !== "PUT")
    return response.end(JSON.stringify([{ ModifyIndex: index, Value: Buffer.from(text).toString("base64") }]));
  const wrote = request.url!.endsWith(`cas=${index}`) && write(given);
  response.end(`${wrote}\n`);
});

beforeAll(() => new Promise<void>((done) => void store.listen(0, "127.0.0.1", done)));
afterAll(() => {
  store.close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  [text, index] = [GROUP, index + 1];
  write = (given) => {
    [text, index] = [given, index + 1];
    return true;
  };
  rmSync(join(home, "turn.owed"), { force: true });
});

describe.each([["dash"], ["busybox", "sh"]])("a store and %s", (...shell) => {
  async function turn(...args: string[]): Promise<[number, string]> {
    const { port } = store.address() as AddressInfo;
    writeFileSync(join(home, "lock"), `backend=consul\nurl=http://127.0.0.1:${port}\ngroup=g\nid=w1\n`);
    writeFileSync(join(home, "turn"), turnScript());
    const env = { PINE_LOCK: home, PINE_RUN: home };
    const o = { env, extendEnv: true, ok: [0, 1, 75], timeout: 60_000 };
    const { exitCode, stdout } = await run(shell[0]!, [...shell.slice(1), join(home, "turn"), ...args], o);
    return [exitCode, stdout.trim()];
  }

  test("that writes: the turn is taken, and given back", async () => {
    expect(await turn("take", A)).toEqual([0, ""]);
    expect(text).toMatch(/^holder w1 a{64} /m);
    expect(await turn("release", "none", A)).toEqual([0, ""]);
    expect(text).not.toMatch(/^holder/m);
  });

  test("that says it wrote, and did not: no turn (coreos/bugs#842)", async () => {
    write = () => true;
    expect(await turn("take", A)).toEqual([1, expect.stringMatching(/reads back differently than it was written/)]);
    expect(text).toBe(GROUP);
  });

  test("that has another's turn after it wrote ours: no turn (coreos/bugs#852)", async () => {
    write = () => {
      [text, index] = [GROUP + other, index + 1];
      return true;
    };
    expect(await turn("take", A)).toEqual([1, expect.stringMatching(/reads back differently/)]);
  });

  test("that says the turn is given back, and still has it: it is owed, and given back later (locksmith#64)", async () => {
    text = GROUP + own;
    const writes = write;
    write = () => true;
    expect(await turn("release", "none", A)).toEqual([1, expect.stringMatching(/reads back differently/)]);
    expect(readFileSync(join(home, "turn.owed"), "utf8")).toBe(`none ${A} \n`);
    write = writes;
    expect(await turn("settle")).toEqual([0, ""]);
    expect(text).not.toMatch(/^holder/m);
    expect(existsSync(join(home, "turn.owed"))).toBe(false);
  });

  test("that another wrote meanwhile: it is read anew, and what the other has counts", async () => {
    const writes = write;
    write = () => {
      [text, index] = [GROUP + other, index + 1];
      write = writes;
      return false;
    };
    expect(await turn("take", A)).toEqual([75, expect.stringMatching(/^w2 has its turn since/)]);
    expect(text).toContain(other);
    expect(text).toMatch(/^wait w1 /m);
    expect(text).not.toMatch(/^holder w1/m);
  });
});
