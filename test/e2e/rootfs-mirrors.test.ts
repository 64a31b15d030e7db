/**
 * What is built does not depend on which mirror answered: the first one away, half updated, or giving other bytes,
 * against the same build from one that is whole. pacman and apt users end with mixed indexes or no build there
 * (rgeissert/http-redirector#55, puxplaying/maus#2, termux/termux-packages#11143).
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type MirrorServer, serveMirror } from "../lab/mirror/server.ts";
import { type Bench, Life, startBench } from "./life.ts";

let bench: Bench;
let other: MirrorServer;
beforeAll(async () => {
  bench = await startBench("mirrors");
  other = await serveMirror(bench.tree);
});
afterAll(async () => {
  await other?.close();
  await bench?.end();
});

const inputs = { target: "container", packages: ["tree"] };
/** With a store and a cache of its own. */
const lifeOf = (name: string, fallbackMirrors: string[]) =>
  new Life(
    rootfs,
    bench.with({ store: join(bench.work, name, "store"), cache: join(bench.work, name, "cache"), fallbackMirrors }),
  );
/** What is there of a state on every machine. */
const same = ({ sbom: _, ...state }: Life["state"]) => state;

it("one that is half updated, and then away, is built as from one that is whole", async () => {
  const whole = lifeOf("whole", []);
  await whole.up(inputs);

  const life = lifeOf("fallen", [other.url]);
  bench.fault.of = (path) => {
    if (/musl-\d/.test(path)) return { status: 404 };
    return /busybox-\d/.test(path) ? { change: (body) => body.fill(0, body.length - 100) } : undefined;
  };
  const promised = await life.preview(inputs);
  expect(same(promised)).toMatchObject({ digest: whole.state.digest, lockedPackages: whole.state.lockedPackages });
  expect(life.said.warnings.join("\n")).toMatch(
    /did not give musl-.* as locked \(the server answers 404.*taken from another mirror/,
  );
  expect(life.said.warnings.join("\n")).toMatch(/did not give busybox-.* as locked \(.*\): taken from another mirror/);

  bench.fault.of = () => ({ status: 503 });
  await life.up(inputs);
  expect(same(life.state)).toEqual(same(whole.state));
  expect(life.inputs).toEqual(whole.inputs);
  expect(life.said.warnings).toEqual([
    expect.stringMatching(`^stopped using the mirror ${bench.server.url}: .* answers 503 .*; trying ${other.url}$`),
  ]);
  expect(other.requests.length).toBeGreaterThan(10);

  // which ones there are changes nothing
  life.config = { ...life.config, fallbackMirrors: [] };
  expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: false });
});
