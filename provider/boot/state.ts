/** GRUB's environment block, in which the agent and GRUB note which slot is tried and which is confirmed. Pure. */
import { die } from "../errors.ts";
import type { SlotName } from "./slot.ts";

/** GRUB's view of what boots; README.md of this folder explains each field. */
export interface EnvState {
  /** Confirmed slot; undefined: the old system. */
  slot?: SlotName;
  /** Slot on trial. */
  trial?: SlotName;
  /** Boots left to the trial. */
  tries?: number;
  /** Boots of the confirmed slot that have not reached the default runlevel. */
  boots?: number;
}

/** Size of a GRUB environment block, in bytes: GRUB refuses any other. */
export const ENV_SIZE = 1024;
const ENV_HEADER = "# GRUB Environment Block\n";

/**
 * The environment block, exactly 1024 bytes. Everything that varies lies in the first sector (512 bytes), which disks
 * write whole.
 */
export function envBlock(state: EnvState): Buffer {
  const count = (n: number | undefined) => {
    if (n !== undefined && !(Number.isInteger(n) && n >= 0 && n <= 9))
      die(`${n} is not a count for GRUB's state: expected 0 to 9`);
    return n === undefined ? "" : String(n);
  };
  const text = [
    `pine_slot=${state.slot ?? ""}`,
    `pine_trial=${state.trial ?? ""}`,
    `pine_tries=${count(state.tries)}`,
    `pine_boots=${count(state.boots)}`,
  ];
  const block = Buffer.alloc(ENV_SIZE, "#");
  block.write(`${ENV_HEADER}${text.join("\n")}\n`, "latin1");
  return block;
}

/** confirmed.cfg: the confirmed slot once more, for a boot loader that cannot read the block. */
export const confirmedText = (slot: SlotName): string => `set pine_slot=${slot}\n`;

/** Reads an environment block; throws if it is none, so that nobody arms a trial on a broken one. */
export function parseEnvBlock(block: Uint8Array): EnvState {
  const text = Buffer.from(block).toString("latin1");
  if (block.length !== ENV_SIZE || !text.startsWith(ENV_HEADER))
    die(`not a GRUB environment block: ${block.length} bytes, begins with ${JSON.stringify(text.slice(0, 24))}`);
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(pine_[a-z]+)=(.*)$/.exec(line);
    if (match) values.set(match[1]!, match[2]!);
  }
  const slot = (key: string): SlotName | undefined => {
    const value = values.get(key) ?? "";
    if (value !== "" && value !== "a" && value !== "b") die(`${key} in GRUB's environment is ${JSON.stringify(value)}`);
    return value === "" ? undefined : value;
  };
  const count = (key: string): number | undefined => {
    const value = values.get(key) ?? "";
    if (!/^[0-9]?$/.test(value)) die(`${key} in GRUB's environment is ${JSON.stringify(value)}`);
    return value === "" ? undefined : Number(value);
  };
  return { slot: slot("pine_slot"), trial: slot("pine_trial"), tries: count("pine_tries"), boots: count("pine_boots") };
}
