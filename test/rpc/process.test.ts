/** The plugin as a process of its own: how it starts, and that it ends as it should, whoever ends it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildPlugin, Client, FakeEngine, Plugin } from "./harness.ts";

let built: Awaited<ReturnType<typeof buildPlugin>>;
let folder: string;
let engine: FakeEngine;
let plugin: Plugin;
let client: Client;

beforeAll(async () => {
  built = await buildPlugin();
});
afterAll(() => built.remove());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pine-rpc-"));
  engine = await FakeEngine.start();
});
afterEach(() => {
  client?.close();
  plugin?.kill();
  engine.die();
  rmSync(folder, { recursive: true });
});

async function start(args: string[] = [engine.address]): Promise<void> {
  plugin = await Plugin.start(built.file, args, folder);
  client = new Client(plugin.port);
  await client.handshake(engine.address);
  await client.configure({});
}

/** A create that lasts a minute unless it is cancelled, and then cleans up for half a second. */
async function begin(mode: "slow" | "stuck"): Promise<{ answer: Promise<{ details: string }> }> {
  const answer = client.create({ packages: ["a"], mode }).then(
    () => ({ details: "it did not fail" }),
    (e) => e as { details: string },
  );
  await expect.poll(() => existsSync(join(folder, ".pine/began")), { timeout: 60_000 }).toBe(true);
  return { answer };
}

/** As the engine ends a plugin: a signal, and SIGKILL 5 s later (sdk/go/common/util/cmdutil). */
async function killed(by: "SIGINT" | "SIGTERM"): Promise<{ code: number | null; signal: string | null }> {
  plugin.process.kill(by);
  const kill = setTimeout(() => plugin.kill(), 5000);
  const end = await plugin.ended();
  clearTimeout(kill);
  return end;
}

const cleaned = () => existsSync(join(folder, ".pine/cleaned"));

test("starts without the @pulumi/pulumi runtime", async () => {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, "plugin.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const of = Object.keys(metafile.inputs).filter((f) => f.includes("@pulumi/pulumi/"));
  expect(of.length).toBeGreaterThan(3);
  expect(of.filter((f) => !f.includes("@pulumi/pulumi/proto/"))).toEqual([]);
});

test("says its port and nothing else, and ends at once when nothing runs", async () => {
  await start();
  expect(plugin.port).toBeGreaterThan(1023);
  expect(await killed("SIGINT")).toEqual({ code: 0, signal: null });
  expect(plugin.output).toBe("");
});

test("listens on this machine's own address alone", async () => {
  await start();
  const port = plugin.port.toString(16).toUpperCase().padStart(4, "0");
  // local address and state of each socket; 0A is LISTEN (proc(5))
  const listening = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === "0A")
      .map(([, local]) => local),
  );
  expect(listening).toEqual([`0100007F:${port}`]);
});

describe("work under way has its time to clean up, and its answer arrives", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s", async (signal) => {
    await start();
    const work = await begin("slow");
    const end = killed(signal);
    expect((await work.answer).details).toBe("cancelled half way");
    expect([await end, cleaned()]).toEqual([{ code: 0, signal: null }, true]);
  });
  test("Cancel, then SIGINT while it cleans up", async () => {
    await start();
    const work = await begin("slow");
    await client.call("cancel", new Empty());
    plugin.process.kill("SIGINT");
    const end = killed("SIGINT");
    expect((await work.answer).details).toBe("cancelled half way");
    expect([await end, cleaned()]).toEqual([{ code: 0, signal: null }, true]);
  });
  test("but not more than the engine grants", async () => {
    await start();
    await begin("stuck");
    expect([await killed("SIGINT"), cleaned()]).toEqual([{ code: 0, signal: null }, false]);
  });
});

describe("when the engine dies", () => {
  test("a plugin it started cleans up and ends", async () => {
    await start();
    await begin("slow");
    engine.die();
    expect(await plugin.ended()).toEqual({ code: 0, signal: null });
    expect(cleaned()).toBe(true);
  });
  test("one that was attached to ends the work, stays, and serves the next", async () => {
    await start([]);
    const work = await begin("slow");
    engine.die();
    expect((await work.answer).details).toBe("cancelled half way");
    const next = await FakeEngine.start();
    await client.handshake(next.address);
    expect((await client.create({ packages: ["a"], mode: "talk" })).getId()).toBe("web-1");
    expect(next.lines.map((l) => l.message)).toContain("last step");
    next.die();
  });
});

test("a stray rejection ends no work and shows no secret", async () => {
  await start();
  const created = await client.create({ packages: ["a"], mode: "reject", password: "CANARY-7f" });
  expect(created.getId()).toBe("web-1");
  await expect.poll(() => engine.lines.length).toBe(1);
  expect(engine.lines[0]!.message).toMatch(/^a background task failed \(PineError at /);
  expect(JSON.stringify(engine.lines) + plugin.output).not.toContain("CANARY");
});
