/**
 * When the power goes, as data: the moments of each phase. A new phase is another entry of {@link PHASES}, with its
 * command in commands.ts.
 */
import type { COMMANDS } from "./commands.ts";

export * from "./commands.ts";

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
  pull: {
    command: "pull",
    moments: {
      fetching: { at: "between", from: "start", to: "staged" },
      "a flush of the deployment": { at: "flush", from: "staged", to: "armed" },
      "the state is written": { at: "state", after: "staged", n: 1, when: "write" },
      "the trial": { at: "between", from: "grub", to: "openrc" },
      "a flush of what is fetched": { at: "flush", from: "start", to: "staged" },
      armed: { at: "mark", mark: "armed" },
      judging: { at: "between", from: "openrc", to: "end" },
      "reading and deploying": { at: "between", from: "staged", to: "armed" },
      "the state is flushed": { at: "state", after: "staged", n: 1, when: "flush" },
      ...GRUB,
      "a flush while it is judged": { at: "flush", from: "openrc", to: "end" },
      confirmed: { at: "mark", mark: "end" },
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
