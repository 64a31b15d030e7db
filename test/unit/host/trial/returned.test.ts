/** Why a trial that never answered is not what runs. */
import { describe, expect, it } from "vitest";
import type { AgentStatus } from "../../../../provider/host/server/agent.ts";
import { logReason, silentReason } from "../../../../provider/host/trial/returned.ts";

const old: AgentStatus = {
  trialRuns: false,
  deployment: "",
  checksum: "",
  bootId: "x",
  container: false,
  completed: false,
};
const counted: AgentStatus = { ...old, trial: "a", tries: 0, stage: "loaded" };

describe("a trial that never answered", () => {
  it.each<[string, AgentStatus, string[], RegExp]>([
    [
      "GRUB did not count it",
      { ...counted, tries: 1, stage: undefined },
      [],
      /^GRUB did not boot the new system: it could not write/,
    ],
    ["GRUB had no kernel", { ...counted, stage: undefined }, [], /GRUB could not load its kernel or initramfs/],
    ["the root was never mounted", counted, [], /kernel was started and never mounted its root/],
    ["the root was mounted", counted, ["a line"], /root file system was mounted, and then no login/],
    [
      "a container's init did not count it",
      { ...counted, container: true, tries: 1, stage: undefined },
      [],
      /^the container's init did not start the new system/,
    ],
    [
      "a container could not run it",
      { ...counted, container: true, stage: undefined },
      [],
      /its programs do not run here/,
    ],
    ["a container's mounts were refused", { ...counted, container: true }, [], /its mounts were refused, or its init/],
    ["a container's init ran", { ...counted, container: true }, ["a line"], /its init was started, and then no login/],
    [
      "a kernel that crashed, by what firmware kept of it",
      counted,
      ["pstore: Kernel panic - not syncing: VFS"],
      /its kernel was started and never mounted its root file system/,
    ],
    [
      "somebody disarmed it",
      { ...old, slot: "b", running: "b", checksum: "1".repeat(64) },
      [],
      /somebody else ended its trial/,
    ],
  ])("%s", (_, status, log, said) => {
    const reason = silentReason(status, "a", log);
    expect(reason).toMatch(said);
    expect(reason).toMatch(status.running ? /back to slot b, commit 1{12}/ : /back to the old system/);
  });
  it("shows the last lines only", () => {
    const [text] = logReason(Array.from({ length: 40 }, (_, n) => `line ${n}`));
    expect(text!.split("\n")).toHaveLength(16);
    expect(text).toMatch(/line 39$/);
    expect(logReason([])).toEqual([]);
  });
});
