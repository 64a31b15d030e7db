import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BROKEN, breakPiece, PIECES } from "../../faults/broken.ts";
import { faultsOf } from "../../faults/judge.ts";
import { kindName, kindOf, PLAIN } from "../../faults/kinds.ts";
import { COMMANDS, type Command, PHASES } from "../../faults/phases.ts";
import { cutOf } from "../../faults/plan.ts";
import type { Look } from "../../faults/server.ts";

const commits = { first: "1".repeat(64), next: "2".repeat(64), bad: "3".repeat(64), offered: "4".repeat(64) };

/** What answers: a running slot (none: the old system) and a state. */
function look(running: "a" | "b" | undefined, trialRuns: boolean, state: string, checksum = ""): Look {
  const [slot = "", trial = "", tries = "", boots = ""] = state.split(" ").map((v) => (v === "-" ? "" : v));
  const of = (v: string) => (v === "" ? undefined : (v as "a" | "b"));
  const status = { running, trialRuns, checksum, deployment: "", bootId: "", container: false, completed: true };
  return {
    status: { ...status, slot: of(slot), trial: of(trial) },
    state: { slot, trial, tries, boots },
    debian: !running,
    kernel: [],
    sizes: [1024],
  };
}

function faults(command: Command, since: string, seen: Look, console = ""): string[] {
  const stage = command.stages.find((s) => s.since === since)!;
  return faultsOf(seen, { command, stage, commits, console, armed: true });
}

const { install, update, restore, pull } = COMMANDS;

describe("the campaign's oracle", () => {
  it.each([
    ["the old system before arming", install, "start", look(undefined, false, "- - - -")],
    ["the trial once armed", install, "armed", look("a", true, "- a 0 -", commits.first)],
    ["the old system after the count", install, "counted", look(undefined, false, "- a 0 -")],
    ["the confirmed slot after the end", install, "end", look("a", false, "a - - -", commits.first)],
    ["the trial of an update", update, "armed", look("b", true, "a b 0 -", commits.next)],
    ["the trial of a pull that confirms itself soon", pull, "armed", look("b", true, "b - - -", commits.offered)],
    ["the old system once it has the word", restore, "leaving", look(undefined, false, "- - - -")],
  ])("allows %s", (_, command, since, seen) => {
    expect(faults(command, since, seen)).toEqual([]);
  });

  it.each([
    ["a fall-back where the trial was promised", install, "armed", look(undefined, false, "- - - -"), /came up old/],
    ["a second trial", install, "counted", look("a", true, "- a 0 -", commits.first), /came up a\?/],
    ["the old system in an update", update, "deploy", look(undefined, false, "- - - -"), /came up old/],
    ["another commit", install, "end", look("a", false, "a - - -", commits.next), /not first/],
    ["a half written state", update, "deploy", look("a", false, "a b - -", commits.first), /half written/],
    ["a garbled state", update, "start", look("a", false, "a - - x", commits.first), /garbled/],
    ["a confirmed slot on trial", update, "confirm", look("b", false, "b b 0 -", commits.next), /on trial/],
    ["an unconfirmed slot", update, "end", look("b", false, "a - - -", commits.next), /not the confirmed one/],
    ["a trial of a pull that was not armed", pull, "start", look("b", true, "a b 0 -", commits.offered), /came up b\?/],
    ["a second trial of a pull", pull, "counted", look("b", true, "a b 0 -", commits.offered), /came up b\?/],
    ["another commit than was offered", pull, "end", look("b", false, "b - - -", commits.next), /not offered/],
    ["Pine after the word", restore, "leaving", look("a", false, "a - - -", commits.first), /came up a,/],
  ])("does not allow %s", (_, command, since, seen, why) => {
    expect(faults(command, since, seen).join("\n")).toMatch(why);
  });

  it("sees what GRUB and the kernel complain about, and a state of another size", () => {
    const seen = { ...look("a", false, "a - - -", commits.first), kernel: ["EXT4-fs error"], sizes: [0] };
    const said = faults(update, "start", seen, "error: file `/boot/ostree/x' not found.\n").join("\n");
    expect(said).toMatch(/0 bytes[\s\S]*EXT4-fs error[\s\S]*GRUB: error: file/);
  });
});

describe("the campaign's plan", () => {
  it("is the same for the same seed, and has every phase and every moment", () => {
    const phases = Object.keys(PHASES);
    const count = phases.length * Math.max(...phases.map((p) => Object.keys(PHASES[p]!.moments).length));
    const all = Array.from({ length: count }, (_, i) => cutOf(7, i + 1, phases));
    expect(Array.from({ length: count }, (_, i) => cutOf(7, i + 1, phases))).toEqual(all);
    expect(all).not.toEqual(Array.from({ length: count }, (_, i) => cutOf(8, i + 1, phases)));
    const kinds = new Set(all.map((cut) => `${cut.phase} ${cut.moment}`));
    expect(kinds.size).toBe(phases.flatMap((p) => Object.keys(PHASES[p]!.moments)).length);
  });

  it("names only marks and stages that there are", () => {
    for (const { command, moments } of Object.values(PHASES)) {
      const { marks, stages } = COMMANDS[command] as Command;
      const known = new Set(["start", "end", "writing", "counting", "counted", ...Object.keys(marks)]);
      for (const moment of Object.values(moments))
        for (const mark of Object.values(moment)
          .filter((v) => typeof v === "string")
          .slice(1))
          expect([...known, "write", "flush"]).toContain(mark);
      for (const { since } of stages) expect([...known]).toContain(since);
    }
  });
});

describe("builds broken on purpose", () => {
  it.each(BROKEN)("%s changes the agent, which is still a script", (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "pine-broken-"));
    for (const piece of PIECES) {
      const text = readFileSync(`provider/system/rootfs/usr/libexec/pine/${piece}`, "utf8");
      writeFileSync(join(folder, piece), breakPiece(kind, piece, text));
      execFileSync("sh", ["-n", join(folder, piece)]);
    }
    rmSync(folder, { recursive: true });
  });
});

describe("the campaign's servers", () => {
  it("are named by release, firmware and layout", () => {
    expect(kindOf("bookworm-bios-plain")).toEqual(PLAIN);
    expect(kindOf("bookworm-uefi-signed-boot-xfs")).toEqual({
      release: "bookworm",
      way: "uefi-signed",
      layout: "boot-xfs",
    });
    expect(kindName(kindOf("trixie-uefi-boot-btrfs"))).toBe("trixie-uefi-boot-btrfs");
  });

  it.each(["bookworm", "bookworm-bios", "buster-bios-plain", "bookworm-bios-zfs"])("%s is none", (name) => {
    expect(() => kindOf(name)).toThrow(`--server ${name}`);
  });
});
