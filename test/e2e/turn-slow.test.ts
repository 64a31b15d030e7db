/** A store that answers late, in pieces, or after the server has given up: real stores behind a delay. */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Box, COMMIT, confirms, STORES, take, useStore } from "./turn-lab.ts";

const { a: A } = COMMIT;

/** Milliseconds; beyond what one answer may take (15 s, turn's `answer_seconds`). */
const TOO_LATE = 17_000;

/** Milliseconds until an answer is passed on; the store has done by then what was asked. */
type Delay = (request: { method: string; path: string }) => number;

/** Late is what changes the group: Consul's key, etcd's transaction. */
const lateToChange: Delay = ({ method, path }) =>
  (method === "PUT" && path.includes("/kv/")) || path.endsWith("/txn") ? TOO_LATE : 0;

interface Slow {
  url: string;
  delay: Delay;
  /** Whether the body follows in single bytes. */
  trickle: boolean;
  asked: number;
  end(): Promise<void>;
}

async function startSlow(store: string): Promise<Slow> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = parts.length ? Buffer.concat(parts) : undefined;
    const { method = "", url: path = "" } = request;
    slow.asked++;
    const answer = await fetch(store + path, { method, body });
    const text = Buffer.from(await answer.arrayBuffer());
    await sleep(slow.delay({ method, path }));
    const date = answer.headers.get("date");
    response.writeHead(answer.status, { connection: "close", ...(date ? { date } : {}) });
    if (slow.trickle)
      for (const byte of text) {
        response.write(Buffer.from([byte]));
        await sleep(5);
      }
    response.end(slow.trickle ? undefined : text);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const slow: Slow = {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    ...{ delay: () => 0, trickle: false, asked: 0 },
    end: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return slow;
}

describe.each(STORES)("a slow %s, by %s", (backend, shell, start) => {
  const { store, group } = useStore(backend, shell, start);
  const slowly = async (work: (slow: Slow, boxes: [Box, Box], text: () => Promise<string>) => Promise<void>) => {
    const { boxes, settings, text } = await group(["w1", "w2"]);
    const slow = await startSlow(store().url);
    try {
      for (const box of boxes) box.configure({ ...settings, url: slow.url });
      await work(slow, boxes as [Box, Box], async () => (await text())!);
    } finally {
      await slow.end();
    }
  };

  it("each answer is seconds late: one has its turn, the other waits for it, and then has it", () =>
    slowly(async (slow, [w1, w2], text) => {
      slow.delay = () => 2000;
      const got = await Promise.all([take(w1, A), take(w2, A)]);
      expect(got.map(({ code }) => code).sort()).toEqual([0, 75]);
      const [first, second] = got[0].code === 0 ? [w1, w2] : [w2, w1];
      expect((await text()).match(/^holder/gm)).toHaveLength(1);
      expect((await first.turn("check", A)).code).toBe(0);
      await confirms(first, A);
      expect((await take(second, A)).code).toBe(0);
      expect(await text()).toMatch(new RegExp(`^good ${A} 1 `, "m"));
      expect(slow.asked).toBeGreaterThan(4);
    }));

  it("an answer that comes in single bytes is read to its end", () =>
    slowly(async (slow, [w1], text) => {
      slow.trickle = true;
      expect((await take(w1, A)).code).toBe(0);
      expect((await w1.turn("check", A)).code).toBe(0);
      expect(await text()).toMatch(/^holder w1 a{64} /m);
    }));

  it("it did what was asked, and said so too late: nobody reboots on it, and there is one place of this server's", () =>
    slowly(async (slow, [w1, w2], text) => {
      slow.delay = lateToChange;
      const { code, text: said } = await take(w1, A);
      expect([code, said]).toEqual([
        1,
        expect.stringMatching(/^the reboot lock cannot be used: \S+ does not answer: /),
      ]);
      expect(await text()).toMatch(/^holder w1 a{64} /m);
      expect((await take(w2, A)).code).toBe(75);
      slow.delay = () => 0;
      // the next `pine upgrade` finds this server's own place again
      expect((await w1.atWork(() => take(w1, A))).code).toBe(0);
      expect((await text()).match(/^holder.*$/gm)).toEqual([expect.stringMatching(/^holder w1 a{64} /)]);
      expect((await take(w2, A)).code).toBe(75);
      await confirms(w1, A);
      expect((await take(w2, A)).code).toBe(0);
    }));

  it("as late, and nobody is at work on it any more: its place goes to who asked meanwhile", () =>
    slowly(async (slow, [w1, w2], text) => {
      slow.delay = lateToChange;
      expect((await take(w1, A)).code).toBe(1);
      expect((await take(w2, A)).code).toBe(75);
      slow.delay = () => 0;
      expect(await take(w1, A)).toMatchObject({ code: 75, text: "1 in the queue before this server" });
      expect(await text()).not.toMatch(/^holder/m);
      expect((await take(w2, A)).code).toBe(0);
      await confirms(w2, A);
      expect((await take(w1, A)).code).toBe(0);
    }));
});
