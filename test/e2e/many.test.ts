/**
 * Several servers in one `up`: one build, an upload each, nothing mixed up; one that has vanished does not keep the
 * others. PINE_SERVERS: how many.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureMirror, type MirrorServer, serveMirror } from "../lab/mirror/index.ts";
import { ensureDebian, startVps, type Vps } from "../lab/vps/index.ts";
import { type Ended, Project } from "./hijack-cli.ts";
import { BOOT_MS, bootId, configure, on, steps } from "./hijack-lab.ts";

const COUNT = Number(process.env.PINE_SERVERS ?? 4);
const step = steps(test);
const work = mkdtempSync(join(tmpdir(), "pine-many-"));
const servers: Vps[] = [];
let mirror: MirrorServer;
let project: Project;
let began = performance.now();
const tell = (line: string) => {
  const now = performance.now();
  process.stderr.write(`  many: ${line} (${((now - began) / 1000).toFixed(1)} s)\n`);
  began = now;
};
const names = Array.from({ length: COUNT }, (_, n) => `web-${n + 1}`);

beforeAll(async () => {
  const tree = await ensureMirror(tell);
  mirror = await serveMirror(tree);
  const base = await ensureDebian(tell);
  mkdirSync(join(work, "vps"));
  // one after the other: a machine that boots beside three others takes longer than all of them in turn
  for (const name of names)
    servers.push(await startVps({ base, dir: join(work, "vps"), name, memory: 256, log: tell }));
  project = new Project(work);
  await configure(project, { work, vps: servers[0]!, mirror }, tree.keys);
  await project.secret("token", "a token of no importance");
  program();
  tell(`${COUNT} servers stand`);
});
afterAll(async () => {
  project?.end();
  for (const vps of servers) await vps.stop();
  await mirror?.close();
  rmSync(work, { recursive: true, force: true });
});

/** The example's program with its server once for each machine. */
function program(): void {
  const file = join(project.dir, "Pulumi.yaml");
  const text = readFileSync(file, "utf8");
  const from = text.indexOf("  server:\n");
  const to = text.indexOf("outputs:\n");
  const one = text.slice(from, to);
  const all = servers.map((vps, n) =>
    one
      .replace("  server:\n", `  ${names[n]}:\n`)
      // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
      .replace("${port}", String(vps.port))
      // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
      .replace("${hostname}", names[n]!),
  );
  writeFileSync(file, text.slice(0, from) + all.join(""));
}

const saidOf = (ended: Ended, name: string) => ended.said.filter((s) => s.urn.endsWith(`HostHijack::${name}`));
const done = async (name: string) =>
  (await project.state()).find((r) => r.urn.endsWith(`HostHijack::${name}`))?.outputs.booted?.checksum;
const commit = async () => (await project.state()).find((r) => r.type === "pine:index:OstreeCommit")!.outputs.checksum;

step(
  "one has vanished: the others are done, with one build, an upload each, and every line at its own server",
  async () => {
    const gone = servers.at(-1)!;
    await gone.cut();
    const up = await project.run(["up", "--skip-preview", "--parallel", "16"]);
    tell(`up of ${COUNT} servers, one of them gone`);
    expect(up.exitCode).not.toBe(0);
    expect(up.errors, up.output).toEqual([
      expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${gone.port} cannot be reached`)),
    ]);
    const built = up.said.filter((s) => s.message === "committing to OSTree").map((s) => s.urn);
    expect(new Set(built).size).toBe(1);
    const packed = up.said.filter((s) => s.message.startsWith("making the sysroot")).map((s) => s.urn);
    expect(new Set(packed).size).toBe(1);
    const checksum = await commit();
    for (const [n, name] of names.slice(0, -1).entries()) {
      const vps = servers[n]!;
      expect(await done(name)).toBe(checksum);
      expect(await on(vps, "hostname; ostree admin status")).toMatch(new RegExp(`^${name}\n[^]*\\* pine ${checksum}`));
      const said = saidOf(up, name).map((s) => s.message);
      expect(said.some((line) => line.startsWith("sent "))).toBe(true);
      // bytes only grow: one upload, and nobody else's
      const sent = said.flatMap((line) => /^sent ([\d.]+) MB of/.exec(line)?.[1] ?? []).map(Number);
      expect(sent.length).toBeGreaterThan(1);
      expect(sent).toEqual([...sent].sort((a, b) => a - b));
      const others = servers.filter((other) => other !== vps).map((other) => `:${other.port}`);
      expect(said.filter((line) => others.some((port) => line.includes(port)))).toEqual([]);
    }
    expect(await done(names.at(-1)!)).toBeUndefined();
  },
);

step("it is back: the next up takes it, and leaves the others alone", async () => {
  const boots = await Promise.all(servers.slice(0, -1).map(bootId));
  await servers.at(-1)!.boot();
  await servers.at(-1)!.waitSsh(BOOT_MS);
  await project.ok(["up", "--skip-preview"]);
  tell("up with the one that was gone");
  expect(await done(names.at(-1)!)).toBe(await commit());
  expect(await Promise.all(servers.slice(0, -1).map(bootId))).toEqual(boots);
});

step("an update of all at once: one delta, sent to each", async () => {
  await project.set({ packages: ["lighttpd", "tree"] });
  const up = await project.ok(["up", "--skip-preview", "--parallel", "16"]);
  tell(`update of ${COUNT} servers`);
  const computed = up.said.filter((s) => s.message === "computing the delta").map((s) => s.urn);
  expect(new Set(computed).size).toBe(1);
  for (const vps of servers) expect(await on(vps, "tree --version")).toMatch(/^tree v/);
});
