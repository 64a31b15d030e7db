/**
 * What the campaign runs, as data: the prepared states it starts from, the commands that run there, and what may come
 * up after a cut at each stage of a command.
 */

/** What came up: the old system, a slot, or a slot on trial. */
export type System = "old" | "a" | "b" | "a?" | "b?";

/** Commits of the prepared states: the installed one, a healthy update, one that is not healthy, a published one. */
export type Commit = "first" | "next" | "bad" | "offered";

/** Prepared servers and stacks; see prepare.ts. */
export type StateName = "debian" | "update" | "return" | "restore" | "finalize" | "pull";

/** A place in a command's run: seen in the CLI's event log or on the serial line, after another one was. */
export interface Mark {
  in: "said" | "console";
  pattern: RegExp;
  after?: string;
}

export interface Stage {
  /**
   * Since when: `start`; a mark; `end` (the CLI ended with 0); or what the disk tells: `writing` (the state was written
   * since `start`), and since `armed`: `counting` (GRUB wrote its count), `counted` (and that was flushed).
   */
  since: string;
  /** What may answer when the power is back. */
  allowed: System[];
}

export interface Command {
  state: StateName;
  /** Of `pulumi`, or of the server's own `pine`. */
  args: string[];
  /** The server does it by itself; default: Pulumi's CLI does. */
  by?: "server";
  /** In their order; the names are those of stages and moments. */
  marks: Record<string, Mark>;
  /** In their order: the last one that was reached counts. */
  stages: Stage[];
  /** Which commit a slot holds. */
  commits: Partial<Record<"a" | "b", Commit>>;
  /** How an undisturbed run ends, and also the next one after a cut. */
  ends: { fails?: boolean; as: Commit | "old" };
}

const said = (pattern: RegExp, after?: string): Mark => ({ in: "said", pattern, after });
const line = (pattern: RegExp, after?: string): Mark => ({ in: "console", pattern, after });

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
    marks: { config: said(/^making GRUB's configuration start only Pine/), removing: said(/^removing the old system/) },
    // never the old system: a slot is confirmed
    stages: [{ since: "start", allowed: ["a"] }],
    commits: { a: "first" },
    ends: { as: "first" },
  },
  // nobody is there: the server fetches, judges and confirms by itself, so a trial that comes up may be confirmed soon
  pull: {
    state: "pull",
    by: "server",
    args: ["upgrade", "--reboot"],
    marks: {
      ...TRIAL,
      staged: line(/`pine upgrade --reboot` boots it now/),
      armed: line(/reboots into version/, "staged"),
    },
    stages: [
      { since: "start", allowed: ["a"] },
      { since: "writing", allowed: ["a", "b?", "b"] },
      { since: "armed", allowed: ["b?", "b"] },
      { since: "counting", allowed: ["b?", "b", "a"] },
      { since: "counted", allowed: ["a"] },
      // its judge looks once the default runlevel is reached
      { since: "openrc", allowed: ["a", "b"] },
      { since: "end", allowed: ["b"] },
    ],
    commits: { a: "first", b: "offered" },
    ends: { as: "offered" },
  },
} satisfies Record<string, Command>;
