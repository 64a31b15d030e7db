/** Ctrl-C in a rollout, through the real engine: nobody else begins, and the next `up` does the rest. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { commit, type FleetLab, fleetLab } from "./fleet-lab.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
let lab: FleetLab;
const servers = () => Object.fromEntries(NAMES.map((name) => [name, lab.server(name)]));
const up = (signal?: AbortSignal) => lab.project.cli(["up", "--skip-preview"], { signal });

beforeAll(async () => {
  lab = await fleetLab(NAMES);
  lab.program(servers(), { commit: commit("0"), rollout: { canaries: 0, maxUnavailable: 6 } });
  expect((await up()).exitCode).toBe(0);
  lab.journal();
}, 180_000);
afterAll(() => lab?.end());

/** Who runs a commit. */
async function running(letter: string): Promise<string[]> {
  const all = (await lab.project.resources()).filter((r) => r.type === "pine:index:HostHijack");
  const has = (outputs: unknown) => (outputs as { booted: { checksum: string } }).booted.checksum === commit(letter);
  return all.filter((r) => has(r.outputs)).map((r) => r.urn.split("::")[3]!);
}

// pulumi#4265, #5377, #12259
test.each([1, 2, 4, 7])(
  "after %i lines of the journal",
  async (count) => {
    const letter = String(count);
    lab.program(servers(), { commit: commit(letter), rollout: { maxUnavailable: 2 } });
    const cut = new AbortController();
    const watch = setInterval(() => lab.written() >= count && cut.abort(), 20);
    const stopped = await up(cut.signal);
    clearInterval(watch);
    expect(stopped.exitCode).not.toBe(0);
    const begun = lab.journal().filter((line) => line.startsWith("begin"));
    expect(begun.length).toBeLessThan(NAMES.length);
    const done = await running(letter);
    expect(done.length).toBeLessThanOrEqual(begun.length);
    const again = await up();
    expect(again.exitCode, again.stdout + again.stderr).toBe(0);
    const rest = lab.journal().filter((line) => line.startsWith("begin"));
    expect(rest.map((line) => line.split(" ")[1]!).sort()).toEqual(
      NAMES.map((name) => `web-${name}`).filter((name) => !done.includes(name)),
    );
    expect(await running(letter)).toHaveLength(NAMES.length);
  },
  120_000,
);
