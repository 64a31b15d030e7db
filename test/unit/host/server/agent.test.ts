import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { envBlock, parseEnvBlock } from "../../../../provider/boot/state.ts";
import { agentScript } from "../../../../provider/host/scripts.ts";
import { parseStatus } from "../../../../provider/host/server/agent.ts";
import { run } from "../../../../provider/local/run.ts";

const folders: string[] = [];
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** Runs the real agent (dash) on a folder of its own; commands that boot, freeze or deploy are for the e2e tests. */
async function agent(state: Parameters<typeof envBlock>[0], args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), "pine-agent-"));
  folders.push(dir);
  writeFileSync(join(dir, "env"), envBlock(state));
  const script = join(dir, "pine");
  writeFileSync(script, agentScript());
  const result = await run("sh", [script, ...args], {
    env: { PATH: process.env.PATH!, PINE_DIR: dir, PINE_TMP: dir },
    ok: [0, 1, 2],
  });
  return { ...result, env: readFileSync(join(dir, "env")) };
}

describe("the agent on a machine that runs no slot", () => {
  it("status names what is confirmed and on trial", async () => {
    const status = parseStatus((await agent({ slot: "a", trial: "b", tries: 1, boots: 2 }, ["status"])).stdout);
    expect(status).toMatchObject({
      slot: "a",
      trial: "b",
      tries: 1,
      boots: 2,
      running: undefined,
      trialRuns: false,
      completed: false,
    });
    expect(status.bootId).toMatch(/^[0-9a-f-]{36}\.\d+$/);
  });
  it("old empties the state in place, 1024 bytes", async () => {
    const { env, exitCode } = await agent({ slot: "a", trial: "b", tries: 2 }, ["old"]);
    expect(exitCode).toBe(0);
    expect(env.length).toBe(1024);
    expect(parseEnvBlock(env)).toEqual({ slot: undefined, trial: undefined, tries: undefined, boots: undefined });
  });
  it("disarm keeps what is confirmed", async () => {
    const { env } = await agent({ slot: "b", trial: "a", tries: 1, boots: 1 }, ["disarm"]);
    expect(parseEnvBlock(env)).toMatchObject({ slot: "b", trial: undefined, tries: undefined, boots: 1 });
  });
  it.each([
    [["arm", "c"], /a slot is a or b/],
    [["arm", "a", "9"], /1 to 3 tries/],
    [["arm", "b"], /slot b is empty/],
    [["confirm"], /not booted from a slot/],
    [["deploy", "x", "y"], /not booted from a slot/],
    [["undeploy"], /not booted from a slot/],
  ])("%j is refused and changes nothing", async (args, message) => {
    const before = envBlock({ slot: "a" });
    const { exitCode, stderr, env } = await agent({ slot: "a" }, args);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(message);
    expect(env.equals(before)).toBe(true);
  });
  it("a block of another size, which GRUB cannot read, is made anew", async () => {
    const dir = mkdtempSync(join(tmpdir(), "pine-agent-"));
    folders.push(dir);
    writeFileSync(join(dir, "env"), "short");
    const r = await run("sh", ["-c", agentScript(), "agent", "old"], {
      env: { PATH: process.env.PATH!, PINE_DIR: dir, PINE_TMP: dir },
      ok: [0, 1],
    });
    expect([r.exitCode, r.stderr]).toEqual([0, `pine: ${dir}/env was damaged, and is made anew`]);
    expect(readFileSync(join(dir, "env")).equals(envBlock({}))).toBe(true);
  });
});

describe("parseStatus", () => {
  it("reads a trial of slot b", () => {
    const checksum = "c".repeat(64);
    const text = `running=b\nrunning_trial=1\ndeployment=${checksum}.1\nchecksum=${checksum}\nboot_id=x\nslot=a\ntrial=b\ntries=0\nboots=\nstage=loaded\ncompleted=1\n`;
    expect(parseStatus(text)).toEqual({
      running: "b",
      trialRuns: true,
      deployment: `${checksum}.1`,
      checksum,
      bootId: "x",
      slot: "a",
      trial: "b",
      tries: 0,
      boots: undefined,
      stage: "loaded",
      container: false,
      completed: true,
    });
  });
});
