/** How often a resource's live line is sent, by a clock that is moved by hand. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallLog, type Engine } from "../../../provider/rpc/engine.ts";
import { EVERY, LIVE, LOGGED, type Pace, paceOf } from "../../../provider/rpc/pace.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function log(pace: Pace) {
  const lines: [number, string][] = [];
  const began = performance.now();
  const engine = {
    log: async (_: string, __: string, text: string, live: boolean) =>
      void lines.push([Math.round(performance.now() - began), live ? text : `${text} (stays)`]),
  } as unknown as Engine;
  return { lines, of: new CallLog(engine, "urn", (text) => text.replaceAll("canary", "[secret]"), pace) };
}
/** Says a line each `every` milliseconds. */
async function says(of: CallLog, seconds: number, every: number, line: (n: number) => string) {
  for (let n = 0; n * every < seconds * 1000; n++) {
    of.step(line(n));
    await vi.advanceTimersByTimeAsync(every);
  }
}

describe("in a log", () => {
  it("a line for each megabyte becomes four a minute", async () => {
    const { lines, of } = log(LOGGED);
    await says(of, 60, 100, (n) => `sending ${n} of 600 MB`);
    expect(lines.map(([at]) => Math.round(at / 1000))).toEqual([15, 30, 45, 60]);
    expect(new Set(lines.map(([, text]) => text)).size).toBe(4);
  });
  it("short work says nothing but what stays", async () => {
    const { lines, of } = log(LOGGED);
    await says(of, 5, 500, (n) => `step ${n}`);
    of.line("info", "62 packages");
    await of.end();
    expect(lines.map(([, text]) => text)).toEqual(["62 packages (stays)"]);
  });
  it("a silence is broken each 25 s, by what is done and since when (pulumi/actions#1402)", async () => {
    const { lines, of } = log(LOGGED);
    of.step("waiting for web-1");
    await vi.advanceTimersByTimeAsync(140_000);
    expect(lines).toEqual([
      [15_000, "waiting for web-1"],
      [40_000, "waiting for web-1; since 40 s"],
      [65_000, "waiting for web-1; since 65 s"],
      [90_000, "waiting for web-1; since 90 s"],
      [115_000, "waiting for web-1; since 115 s"],
      [140_000, "waiting for web-1; since 2 min"],
    ]);
    await of.end();
    await vi.advanceTimersByTimeAsync(200_000);
    expect(lines).toHaveLength(6);
  });
  it("the same line, said again and again, is sent once a silence", async () => {
    const { lines, of } = log(LOGGED);
    await says(of, 35, 1000, () => "waiting for web-1");
    expect(lines.map(([, text]) => text)).toEqual(["waiting for web-1"]);
    await says(of, 10, 1000, () => "waiting for web-1");
    expect(lines.map(([, text]) => text)).toEqual(["waiting for web-1", "waiting for web-1; since 40 s"]);
  });
  it("a line that stays is one, too: the next live one waits", async () => {
    const { lines, of } = log(LOGGED);
    of.step("building");
    await vi.advanceTimersByTimeAsync(10_000);
    of.line("warning", "a mirror is away");
    await vi.advanceTimersByTimeAsync(14_000);
    expect(lines).toEqual([[10_000, "a mirror is away (stays)"]]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(lines[1]).toEqual([25_000, "building"]);
  });
});

describe("on a terminal", () => {
  it("two a second at most, the first at once, the last always, none twice", async () => {
    const { lines, of } = log(LIVE);
    await says(of, 2, 50, (n) => `sending ${Math.floor(n / 2)}`);
    of.step("sending 20");
    await of.end();
    const at = lines.map(([time]) => time);
    expect(at[0]).toBe(0);
    expect(at.slice(1, -1).every((time, n) => time - at[n]! >= 500)).toBe(true);
    expect(lines.at(-1)![1]).toBe("sending 20");
    const texts = lines.map(([, text]) => text);
    expect(texts.filter((text, n) => text === texts[n - 1])).toEqual([]);
  });
  it("what waits comes before a line that stays, and secrets are in neither", async () => {
    const { lines, of } = log(LIVE);
    of.step("a");
    of.step("b canary");
    of.line("info", "c canary");
    await of.end();
    expect(lines.map(([, text]) => text)).toEqual(["a", "b [secret]", "c [secret] (stays)"]);
  });
});

it("every line, where that is asked for", async () => {
  const { lines, of } = log(EVERY);
  await says(of, 1, 50, (n) => `sending ${n}`);
  expect(lines.map(([, text]) => text)).toEqual(Array.from({ length: 20 }, (_, n) => `sending ${n}`));
});

it.each<[string, NodeJS.ProcessEnv, string | null, Pace]>([
  ["the CLI writes to a terminal", {}, "/dev/pts/3", LIVE],
  ["to the console of a machine", {}, "/dev/tty1", LIVE],
  ["to a pipe, as the Automation API has it", {}, "pipe:[1234]", LOGGED],
  ["to a file", {}, "/home/ann/up.log", LOGGED],
  ["to a terminal, and a person wants it as in a log", { PINE_PROGRESS: "log" }, "/dev/pts/3", LOGGED],
  ["to a pipe, and a person wants it live", { PINE_PROGRESS: "live", CI: "true" }, "pipe:[1]", LIVE],
  ["to a pipe, and a test wants every line", { PINE_PROGRESS: "all" }, "pipe:[1]", EVERY],
  ["nobody knows where to, in CI", { CI: "true" }, null, LOGGED],
  ["nobody knows where to", {}, null, LIVE],
])("%s", (_, env, output, pace) => expect(paceOf(env, output)).toBe(pace));
