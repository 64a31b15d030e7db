/**
 * What the campaign does, as data: the prepared states it starts from, the commands that run there, what may come up after a cut at each
 * stage of a command, and the moments of each phase. A new phase is another entry of {@link PHASES}, with its command in {@link COMMANDS}.
 */

/** What came up: the old system, a slot, or a slot on trial. */
export type System = "old" | "a" | "b" | "a?" | "b?";

/** Commits of the prepared states: the installed one, a healthy update, one whose health check fails. */
export type Commit = "first" | "next" | "bad";

/** Prepared servers and stacks; see prepare.ts. */
export type StateName = "debian" | "update" | "return" | "restore" | "finalize";

/** A place in a command's run: seen in the CLI's event log or on the serial line, after another one was. */
export interface Mark {
  in: "said" | "console";
  pattern: RegExp;
  after?: string;
}

export interface Stage {
  /**
   * Since when: `start`; a mark; `end` (the CLI ended with 0); or what the disk tells since `armed`: `counting` (GRUB wrote its count),
   * `counted` (and that was flushed).
   */
  since: string;
  /** What may answer when the power is back. */
  allowed: System[];
}

export interface Command {
  state: StateName;
  args: string[];
  /** In their order; the names are those of stages and moments. */
  marks: Record<string, Mark>;
  /** In their order: the last one that was reached counts. */
  stages: Stage[];
  /** Which commit a slot holds. */
  commits: Partial<Record<"a" | "b", Commit>>;
  /** How an undisturbed run ends, and also the next one after a cut. */
  ends: { fails?: boolean; as: Commit | "old" };
}

/** When the power goes. Seconds and numbers are upper bounds of what the seed chooses. */
export type Moment =
  | { at: "mark"; mark: string; seconds?: number }
  /** After a random share of the bytes. */
  | { at: "share" }
  /** Uniformly over the length of an undisturbed run between two marks; `start` and `end` are marks. */
  | { at: "between"; from: string; to: string }
  /** At one of the flushes of an undisturbed run between two marks, before or after it is done. */
  | { at: "flush"; from: string; to: string }
  /** When Pine's state is written for the n-th time after a mark: before any flush, or after the next one. */
  | { at: "state"; after: string; n: number; when: "write" | "flush" };

export interface Phase {
  command: keyof typeof COMMANDS;
  moments: Record<string, Moment>;
}

const said = (pattern: RegExp, after?: string): Mark => ({ in: "said", pattern, after });
const line = (pattern: RegExp, after: string): Mark => ({ in: "console", pattern, after });

/** From the reboot on every trial is seen the same way. */
const TRIAL: Record<string, Mark> = {
  armed: said(/rebooting into the trial/),
  grub: line(/pine: slot.*(trial=[ab]|pine\.trial=1)/, "armed"),
  // the kernel is quiet before
  openrc: line(/OpenRC/, "grub"),
};

const UPDATE: Record<string, Mark> = { deploy: said(/deploying beside/), ...TRIAL };
const UPDATE_STAGES: Stage[] = [
  { since: "start", allowed: ["a"] },
  { since: "deploy", allowed: ["a", "b?"] },
  { since: "armed", allowed: ["b?"] },
  { since: "counting", allowed: ["b?", "a"] },
  { since: "counted", allowed: ["a"] },
];

export const COMMANDS = {
  install: {
    state: "debian",
    args: ["up", "--skip-preview"],
    marks: {
      sent: said(/^sent /),
      unpacked: said(/putting it in place/),
      files: said(/host's own files/),
      entry: said(/adding the boot entry/),
      ...TRIAL,
      confirm: said(/^confirming/),
    },
    stages: [
      { since: "start", allowed: ["old"] },
      { since: "entry", allowed: ["old", "a?"] },
      { since: "armed", allowed: ["a?"] },
      { since: "counting", allowed: ["a?", "old"] },
      { since: "counted", allowed: ["old"] },
      { since: "confirm", allowed: ["old", "a"] },
      { since: "end", allowed: ["a"] },
    ],
    commits: { a: "first" },
    ends: { as: "first" },
  },
  update: {
    state: "update",
    args: ["up", "--skip-preview"],
    marks: { ...UPDATE, confirm: said(/^confirming/) },
    stages: [...UPDATE_STAGES, { since: "confirm", allowed: ["a", "b"] }, { since: "end", allowed: ["b"] }],
    commits: { a: "first", b: "next" },
    ends: { as: "next" },
  },
  return: {
    state: "return",
    args: ["up", "--skip-preview"],
    marks: { ...UPDATE, back: said(/not healthy/), forget: said(/removing the deployment that failed/) },
    stages: [...UPDATE_STAGES, { since: "back", allowed: ["a"] }],
    commits: { a: "first", b: "bad" },
    ends: { fails: true, as: "first" },
  },
  restore: {
    state: "restore",
    args: ["destroy", "--skip-preview"],
    marks: {
      old: said(/old system is the default/),
      leaving: said(/rebooting into the old system/),
      // an answer of the old system
      remove: said(/removing Pine/),
    },
    stages: [
      { since: "start", allowed: ["a"] },
      { since: "old", allowed: ["a", "old"] },
      { since: "leaving", allowed: ["old"] },
    ],
    commits: { a: "first" },
    ends: { as: "old" },
  },
  finalize: {
    state: "finalize",
    args: ["up", "--skip-preview"],
    marks: { config: said(/^GRUB's configuration becomes/), removing: said(/^removing the old system/) },
    // never the old system: a slot is confirmed
    stages: [{ since: "start", allowed: ["a"] }],
    commits: { a: "first" },
    ends: { as: "first" },
  },
} satisfies Record<string, Command>;

/** GRUB's save_env: its write is in the disk's cache only, or the kernel's first flush has it. */
const GRUB: Record<string, Moment> = {
  "the count is written": { at: "state", after: "armed", n: 1, when: "write" },
  "GRUB's line": { at: "mark", mark: "grub", seconds: 2 },
};

export const PHASES: Record<string, Phase> = {
  transfer: {
    command: "install",
    moments: {
      "a share of the bytes": { at: "share" },
      "the first bytes": { at: "mark", mark: "sent", seconds: 1 },
      "a flush": { at: "flush", from: "sent", to: "unpacked" },
      unpacked: { at: "mark", mark: "unpacked" },
    },
  },
  identity: {
    command: "install",
    moments: {
      "any time": { at: "between", from: "unpacked", to: "entry" },
      "a flush": { at: "flush", from: "unpacked", to: "entry" },
      "the host's own files": { at: "mark", mark: "files", seconds: 1 },
    },
  },
  arm: {
    command: "install",
    moments: {
      armed: { at: "mark", mark: "armed" },
      "any time": { at: "between", from: "entry", to: "armed" },
      "a flush": { at: "flush", from: "entry", to: "armed" },
      "the state is written": { at: "state", after: "entry", n: 2, when: "write" },
      "the state is flushed": { at: "state", after: "entry", n: 2, when: "flush" },
      "on the way down": { at: "mark", mark: "armed", seconds: 10 },
    },
  },
  grub: {
    command: "install",
    moments: { ...GRUB, "the kernel's first flush": { at: "state", after: "armed", n: 1, when: "flush" } },
  },
  trial: {
    command: "install",
    moments: {
      "any time": { at: "between", from: "grub", to: "confirm" },
      "kernel and initramfs": { at: "between", from: "grub", to: "openrc" },
      OpenRC: { at: "mark", mark: "openrc", seconds: 10 },
    },
  },
  confirm: {
    command: "install",
    moments: {
      "the CLI ended": { at: "mark", mark: "end" },
      "the state is written": { at: "state", after: "confirm", n: 1, when: "write" },
      "the state is flushed": { at: "state", after: "confirm", n: 1, when: "flush" },
      "any time": { at: "between", from: "confirm", to: "end" },
      "a flush": { at: "flush", from: "confirm", to: "end" },
    },
  },
  update: {
    command: "update",
    moments: {
      "the state is flushed": { at: "state", after: "deploy", n: 1, when: "flush" },
      armed: { at: "mark", mark: "armed" },
      "a flush": { at: "flush", from: "deploy", to: "armed" },
      "the CLI ended": { at: "mark", mark: "end" },
      ...GRUB,
      "receiving and deploying": { at: "between", from: "start", to: "armed" },
      "the state is written": { at: "state", after: "deploy", n: 1, when: "write" },
      "the trial": { at: "between", from: "grub", to: "confirm" },
      "confirming is written": { at: "state", after: "confirm", n: 1, when: "write" },
      "confirming is flushed": { at: "state", after: "confirm", n: 1, when: "flush" },
    },
  },
  return: {
    command: "return",
    moments: {
      "the way back": { at: "between", from: "back", to: "forget" },
      "health fails": { at: "mark", mark: "back" },
      "the trial": { at: "between", from: "grub", to: "back" },
      "removing the deployment": { at: "between", from: "forget", to: "end" },
      "a flush of the removal": { at: "flush", from: "forget", to: "end" },
      armed: { at: "mark", mark: "armed" },
    },
  },
  restore: {
    command: "restore",
    moments: {
      "the word is flushed": { at: "state", after: "old", n: 1, when: "flush" },
      leaving: { at: "mark", mark: "leaving" },
      removing: { at: "between", from: "remove", to: "end" },
      "a flush of the removal": { at: "flush", from: "remove", to: "end" },
      "the word is written": { at: "state", after: "old", n: 1, when: "write" },
      "any time": { at: "between", from: "leaving", to: "remove" },
    },
  },
  finalize: {
    command: "finalize",
    moments: {
      "GRUB's configuration": { at: "between", from: "config", to: "removing" },
      "a flush of it": { at: "flush", from: "config", to: "removing" },
      removing: { at: "between", from: "removing", to: "end" },
      "the CLI ended": { at: "mark", mark: "end" },
      "a flush of the removal": { at: "flush", from: "removing", to: "end" },
    },
  },
};
