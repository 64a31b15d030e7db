/**
 * /var of a deployment, filled (libexec/pine/factory): what has its name is whole, wherever it is stopped, within a
 * copy too.
 */
import { chmodSync, existsSync, lstatSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { makeServer, plant, runOn, workFolder } from "./a-server.ts";
import { differences, listing, type Scenario, stopEverywhere } from "./stops.ts";

const FACTORY = {
  "lib/app/data": "what the package brings",
  "lib/app/link": "-> ../other",
  "lib/other/file": "another",
  "log/": "",
  "spool/cron/root": "* * * * * true\n",
};
/** What a server that was used has of it already, and changed. */
const KEPT = { "lib/app/data": "changed by its owner", "lib/own": "its owner's" };

/** cp as it is seen from outside: the file is there, half of it, then all. */
const CP = `#!/bin/sh
if [ -L "$2" ]; then exec /tools/usr/bin/busybox cp "$@"; fi
: >"$3"
head -c 5 "$2" >"$3"
/tools/usr/bin/busybox cp "$@"
`;

function tree(root: string): void {
  plant(root, Object.fromEntries(Object.entries(FACTORY).map(([p, c]) => [join("usr/share/factory/var", p), c])));
  plant(root, { "var/": "", ...Object.fromEntries(Object.entries(KEPT).map(([p, c]) => [join("var", p), c])) });
  chmodSync(join(root, "usr/share/factory/var/spool/cron"), 0o700);
  plant(root, { "sbin/cp": CP });
  chmodSync(join(root, "sbin/cp"), 0o755);
}

/** What has a name in /var and is neither the factory's, whole, nor what was there before. */
function judge(root: string): string[] {
  return Object.entries(FACTORY).flatMap(([path, content]) => {
    const at = join(root, "var", path);
    if (!existsSync(at) && !lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return [];
    if (path.endsWith("/")) return [];
    const is = content.startsWith("-> ") ? `-> ${readlinkSync(at)}` : readFileSync(at, "utf8");
    const wanted = (KEPT as Record<string, string>)[path] ?? content;
    const mode = lstatSync(join(at, "..")).mode & 0o777;
    return [
      ...(is === wanted ? [] : [`${path} is ${JSON.stringify(is)}`]),
      ...(path === "spool/cron/root" && mode !== 0o700 ? [`spool/cron has mode ${mode.toString(8)}`] : []),
    ];
  });
}

const step = (deployment: string) => ({
  script: assetText("system/rootfs/usr/libexec/pine/factory"),
  args: [deployment],
});

// a deployment's own shell runs it, also where the old system's is another
const shell = "busybox";

describe("a /var that is kept", () => {
  it("has nothing half of the factory's, stopped between any two commands", async () => {
    const scenario: Scenario = {
      name: "factory",
      tree,
      steps: [step("0.0")],
      judge,
      // another deployment's comes to the same, but for its name
      next: [
        { name: "again", steps: [step("0.0")] },
        { name: "another's", steps: [step("1.0")] },
      ],
    };
    const { stops, problems } = await stopEverywhere(shell, scenario);
    expect(problems).toEqual([]);
    expect(stops).toBeGreaterThan(10);
  }, 600_000);

  it("what the server removed since stays away until the next deployment", async () => {
    const work = workFolder();
    try {
      const root = join(work, "root");
      makeServer(root, shell);
      tree(root);
      expect(await runOn(root, [step("0.0")])).toMatchObject({ code: 0 });
      const filled = listing(join(root, "var"));
      rmSync(join(root, "var/lib/other"), { recursive: true });
      expect(await runOn(root, [step("0.0")])).toMatchObject({ code: 0 });
      expect(existsSync(join(root, "var/lib/other"))).toBe(false);
      expect(await runOn(root, [step("1.0")])).toMatchObject({ code: 0 });
      expect(differences(listing(join(root, "var")), filled).map((l) => l.split(":")[0])).toEqual([
        "has .pine-factory",
        "has not .pine-factory",
      ]);
    } finally {
      rmSync(work, { recursive: true });
    }
  });
});
