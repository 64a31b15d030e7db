/** A Fleet and the real engine, by YAML: the order, what a failure leaves alone, who may be down. */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { commit, type FleetLab, fleetLab, groups } from "./fleet-lab.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
let lab: FleetLab;
beforeAll(async () => {
  lab = await fleetLab([...NAMES, "aa"]);
}, 120_000);
afterAll(() => lab?.end());

const up = (...more: string[]) => lab.project.cli(["up", "--skip-preview", ...more]);
const upOk = (...more: string[]) => lab.project.ok(["up", "--skip-preview", ...more]);
const all = (own: Record<string, object> = {}, names = NAMES) =>
  Object.fromEntries(names.map((name) => [name, lab.server(name, own[name])]));
/** Who runs which commit, by its first letter: `aaaaba`. */
async function running(): Promise<string> {
  const servers = (await lab.project.resources()).filter((r) => r.type === "pine:index:HostHijack");
  const by = new Map(servers.map((r) => [r.urn.split("::")[3], r.outputs?.booted as { checksum: string }]));
  return NAMES.map((name) => by.get(`web-${name}`)?.checksum[0] ?? "-").join("");
}

describe("the order, with 0, 1 and all as canaries", { timeout: 240_000 }, () => {
  afterEach(() => lab.project.ok(["destroy"]));
  // pulumi#6365, #7540, #8721: a dependency on a component waits for nobody
  test.each([
    [{ canaries: 0, maxUnavailable: 2 }, "a+b, c+d, e+f"],
    [{ canaries: 1, maxUnavailable: 2 }, "a, b+c, d+e, f"],
    [{ canaries: 6, maxUnavailable: 3 }, "a+b+c, d+e+f"],
  ])("%j", async (rollout, order) => {
    lab.program(all(), { commit: commit("a"), rollout });
    await upOk("--parallel", "100");
    expect(groups(lab.journal())).toBe(order);
    lab.program(all(), { commit: commit("b"), rollout });
    await upOk("--parallel", "100");
    expect(groups(lab.journal())).toBe(order);
    await lab.project.ok(["destroy", "--parallel", "100"]);
    expect(groups(lab.journal())).toBe(order.split(", ").reverse().join(", "));
  });
});

describe("a fleet of six, batches of two", { timeout: 240_000 }, () => {
  const rollout = { canaries: ["c"], maxUnavailable: 2 };
  test("preview tells the whole in one line; up does, and says so in an output", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
    const outputs = { summary: "${web.summary}", port: '${web.connections["b"].port}', booted: "${web.booted}" };
    lab.program(all(), { commit: commit("a"), rollout }, { outputs });
    const preview = await lab.project.ok(["preview"]);
    expect(preview.stdout).toContain("6 servers: 6 are new");
    expect(lab.journal()).toEqual([]);
    await upOk();
    expect(groups(lab.journal())).toBe("c, a+b, d+e, f");
    const { stdout } = await lab.project.ok(["stack", "output", "--json", "--stack", "dev"]);
    expect(JSON.parse(stdout)).toMatchObject({
      summary: "6 servers: 6 installed",
      port: lab.ports.of.b,
      booted: { f: commit("a") },
    });
    const again = await lab.project.ok(["preview"]);
    expect(again.stdout).toContain("6 servers: 6 unchanged");
  });
  test("a server more, a server less: nobody else is touched", async () => {
    lab.program(all({}, [...NAMES, "aa"]), { commit: commit("a"), rollout });
    await upOk();
    expect(lab.journal()).toEqual(["begin web-aa create", "end web-aa create"]);
    lab.program(all(), { commit: commit("a"), rollout });
    await upOk();
    expect(lab.journal()).toEqual(["begin web-aa delete", "end web-aa delete"]);
  });
  // pulumi#15740, #16133: what depends on a failure is skipped, whatever is asked
  test.each([[[]], [["--continue-on-error"]]])("a bad canary stops it, with %j", async (flags) => {
    lab.program(all({ c: { hostname: "bad-b" } }), { commit: commit("b"), rollout });
    const failed = await up("--parallel", "100", ...flags);
    expect(failed.exitCode).not.toBe(0);
    expect(lab.journal()).toEqual(["begin web-c update", "failed web-c update"]);
    expect(await running()).toBe("aaaaaa");
    const said = failed.stdout + failed.stderr;
    expect(said).toContain("6 servers: 1 failed, 5 not touched");
    expect(said.match(/does not run on web-c/g)?.length).toBeGreaterThan(0);
    // the engine's own words where it has closed the plugin before the answer is there: seen on a busy machine
    expect(said).not.toMatch(/resource 'web' has a problem(?!: grpc: the client connection is closing)/);
  });
  test("a failure in a batch stops what comes after that batch", async () => {
    lab.program(all({ a: { hostname: "bad-b" } }), { commit: commit("b"), rollout });
    const failed = await up("--continue-on-error");
    expect(failed.exitCode).not.toBe(0);
    expect(groups(lab.journal())).toBe("c, a+b");
    expect(await running()).toBe("abbaaa");
    expect(failed.stdout).toContain("6 servers: 2 rebooted, 1 failed, 3 not touched");
    lab.program(all(), { commit: commit("b"), rollout });
    await upOk();
    expect(groups(lab.journal())).toBe("a, d+e, f");
  });
  // pulumi#14989, #838
  test("replacements come in turn, too, whatever --parallel says", async () => {
    const replaced = { method: "container" };
    lab.program(all({ a: replaced, b: replaced }), { commit: commit("c"), rollout });
    await upOk("--parallel", "100");
    const journal = lab.journal();
    const busy = new Set<string>();
    let most = 0;
    for (const line of journal) {
      if (line.startsWith("begin")) busy.add(line.slice(6));
      else busy.delete(line.slice(4));
      most = Math.max(most, busy.size);
    }
    expect(most).toBe(2);
    expect(journal.filter((line) => /^end .* create$/.test(line)).sort()).toEqual([
      "end web-a create",
      "end web-b create",
    ]);
    expect(journal.filter((line) => /^end .* delete$/.test(line))).toHaveLength(2);
    expect(await running()).toBe("cccccc");
    lab.program(all(), { commit: commit("c"), rollout });
    await upOk();
    lab.journal();
  });
});

describe("a server that does not answer", { timeout: 240_000 }, () => {
  // block/proto-fleet#1014, hawkbit#693; serokell/deploy-rs#221
  test("counts as down: with room for one, nobody is stopped", async () => {
    await lab.ports.silence("e");
    lab.program(all(), { commit: commit("d"), rollout: { maxUnavailable: 1 } });
    const failed = await up();
    expect(failed.exitCode).not.toBe(0);
    expect(lab.journal()).toEqual([]);
    expect(failed.stdout + failed.stderr).toMatch(
      /e of this fleet is down already, and rollout.maxUnavailable is 1: a is not/,
    );
  });
  test("with room for two, one at a time; it is left, marked and counted, and comes later", async () => {
    lab.program(all(), { commit: commit("d"), rollout: { canaries: 1, maxUnavailable: 2 } });
    const done = await upOk("--parallel", "100");
    const journal = lab.journal();
    expect(groups(journal)).toMatch(/^a, [bc], [bc], d, f$/);
    expect(journal).toContain("left web-e");
    expect(done.stdout).toContain("6 servers: 5 rebooted, 1 cannot be reached");
    expect(await running()).toBe("ddddcd");
    await lab.ports.answer("e");
    const back = await upOk();
    expect(lab.journal()).toEqual(["begin web-e update", "end web-e update"]);
    expect(back.stdout).toContain("6 servers: 1 rebooted, 5 unchanged");
  });
  test("a canary fails by default", async () => {
    await lab.ports.silence("a");
    lab.program(all({ a: { hostname: "bad-e" } }), { commit: commit("e"), rollout: { maxUnavailable: 2 } });
    expect((await up()).exitCode).not.toBe(0);
    expect(lab.journal()).toEqual(["begin web-a update", "failed web-a update"]);
    lab.program(all(), { commit: commit("e"), rollout: { maxUnavailable: 2, unreachable: "skip" } });
    await upOk();
    expect(lab.journal()).toContain("left web-a");
    expect(await running()).toBe("deeeee");
    await lab.ports.answer("a");
    await upOk();
    lab.journal();
  });
});

describe("targets", { timeout: 240_000 }, () => {
  // pulumi#8209, #12096
  test("a server before its canary is refused, in preview by a line; ignoreChecks insists", async () => {
    const { urn } = (await lab.project.resources()).find((r) => r.urn.endsWith("::web-f"))!;
    lab.program(all(), { commit: commit("f"), rollout: { maxUnavailable: 2 } });
    const preview = await lab.project.cli(["preview", "--target", urn]);
    expect(preview.stdout + preview.stderr).toMatch(
      /f would be stopped before its turn: the canary a comes first and runs commit eeee/,
    );
    const refused = await up("--target", urn);
    expect(refused.exitCode).not.toBe(0);
    expect(lab.journal()).toEqual([]);
    lab.program(all({ f: { ignoreChecks: ["canary-first"] } }), {
      commit: commit("f"),
      rollout: { maxUnavailable: 2 },
    });
    await upOk("--target", urn);
    expect(lab.journal()).toEqual(["begin web-f update", "end web-f update"]);
    expect(await running()).toBe("eeeeef");
  });
});

describe("options and inputs", { timeout: 240_000 }, () => {
  test("bad inputs are told before anything is done, without secrets", async () => {
    const secret = { connection: { port: 1, password: "CANARY-1" } };
    lab.program({ a: secret }, { commit: commit("f"), rollout: { canaries: ["z"], maxFailures: 1 } });
    const failed = await up();
    expect(failed.exitCode).not.toBe(0);
    const said = failed.stdout + failed.stderr;
    expect(said).toMatch(/rollout\.maxFailures: expected 0 or nothing/);
    expect(said).toMatch(/rollout\.canaries\[0\]: there is no server "z"/);
    expect(said).not.toContain("CANARY");
    expect(lab.journal()).toEqual([]);
  });
  test("protect and a provider of its own reach the servers; another name with an alias keeps them", async () => {
    await lab.project.ok(["destroy"]);
    lab.journal();
    const store = join(lab.folder, "other-store");
    const mine = { type: "pulumi:providers:pine", properties: { store } };
    const plugins = { providers: [{ name: "pine", path: lab.plugin }] };
    const fleet = (options: object) => ({
      type: "pine:Fleet",
      properties: {
        servers: all({}, ["a", "b"]),
        defaults: { connection: { host: "127.0.0.1" } },
        commit: commit("a"),
      },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
      options: { provider: "${mine}", ...options },
    });
    lab.project.program({ plugins, resources: { mine, web: fleet({ protect: true }) } } as never);
    const first = await upOk();
    expect(first.stdout).toContain("2 servers: 2 installed");
    expect(first.stdout).not.toContain("another process");
    expect(groups(lab.journal())).toBe("a, b");
    const kept = (await lab.project.resources()).filter((r) => r.type === "pine:index:HostHijack");
    expect(kept.map((r) => (r as { protect?: boolean }).protect)).toEqual([true, true]);
    expect(kept.every((r) => /::mine::/.test((r as { provider?: string }).provider ?? ""))).toBe(true);
    expect((await lab.project.cli(["destroy"])).exitCode).not.toBe(0);
    lab.project.program({ plugins, resources: { mine, web: fleet({}) } } as never);
    await upOk();
    expect(lab.journal()).toEqual([]);
    const aliases = [{ name: "web" }];
    lab.project.program({ plugins, resources: { mine, shop: fleet({ aliases }) } } as never);
    const renamed = await lab.project.ok(["preview", "--json"]);
    expect(renamed.json.changeSummary).not.toHaveProperty("create");
    expect(renamed.json.changeSummary).not.toHaveProperty("delete");
    await lab.project.ok(["destroy"]);
  });
});
