/** A commit whose init is broken never reaches the server: a rehearsal stops `up` before. A good one goes on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { withInputs } from "./hijack-cli.ts";
import { bootId, differences, type Lab, listing, on, startLab, steps } from "./hijack-lab.ts";

const step = steps(test);
const BROKEN = '        /etc/inittab: { content: "::sysinit:/sbin/reboot -f" }\n';
const FILES = "      files:\n        /usr/share/www/index.html:";

let lab: Lab;
let before: Map<string, string>;

beforeAll(async () => {
  lab = await startLab("rehearsal");
  lab.project.edit((text) =>
    withInputs(text.replace(FILES, FILES.replace("\n", `\n${BROKEN}`)), { rehearse: { memory: 256 } }),
  );
  before = await listing(lab.vps, { quick: true });
});
afterAll(() => lab?.end());

step("the preview says that the commit is rehearsed first", async () => {
  const { output } = await lab.project.ok(["preview"]);
  expect(output).toMatch(/; rehearsed first in QEMU on this machine; keeps /);
});

step("a commit whose init is broken is stopped before the server is written to", async () => {
  const boot = await bootId(lab.vps);
  const r = await lab.project.run(["up", "--skip-preview"]);
  expect(r.exitCode, r.output).not.toBe(0);
  expect(r.errors, r.output).toEqual([
    expect.stringMatching(
      /^the rehearsal of commit [0-9a-f]{12} failed \(in \d+ s(, emulated)?\), so nothing was changed on the server:\n- it restarted after \d+ s [\s\S]*the last lines of its console:\n[\s\S]*; mend the commit/,
    ),
  ]);
  expect(r.said.map((s) => s.message)).toContainEqual(expect.stringMatching(/^rehearsal: .* s of at most \d+ s/));
  expect(differences(before, await listing(lab.vps, { quick: true }))).toEqual([]);
  expect(await bootId(lab.vps)).toBe(boot);
  expect(r.output).not.toContain("a token of no importance");
  lab.tell("stopped");
});

step("a second up does not boot it again, and says the same", async () => {
  const r = await lab.project.run(["up", "--skip-preview"]);
  expect(r.errors, r.output).toEqual([expect.stringMatching(/failed \(in \d+ s.*: known from then\), so nothing/)]);
  expect(differences(before, await listing(lab.vps, { quick: true }))).toEqual([]);
});

step("mended, it comes up here, and then on the server", async () => {
  lab.project.edit((text) => text.replace(BROKEN, ""));
  const { output } = await lab.project.ok(["up", "--skip-preview"]);
  expect(output).toMatch(/rehearsal: commit [0-9a-f]{12} came up and is healthy/);
  expect(await on(lab.vps, "cat /etc/hostname")).toBe("web-1");
  expect(await on(lab.vps, "ls -d /etc/pine-rehearsal /etc/init.d/pine-rehearsal 2>/dev/null | wc -l")).toBe("0");
  lab.tell("installed");
});
