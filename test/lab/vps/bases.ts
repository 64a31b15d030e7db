/** Base images in this machine's cache: read-only disks, each made once, and known by what it is made of. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { die } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
import { keptFolder } from "../kept.ts";
import { labCache } from "../processes.ts";
import type { Firmware } from "./qemu.ts";
import type { Vps } from "./vps.ts";

/** Debian 11, 12, 13. */
export const RELEASES = ["bullseye", "bookworm", "trixie"] as const;
export type Release = (typeof RELEASES)[number];

export interface BaseImage {
  /** qcow2, read-only. */
  disk: string;
  release: Release;
  /** What it boots by: it has GRUB for one of them only. */
  firmware: Firmware;
  /** Public host keys (`ssh-ed25519 AAAA…`), ed25519, ECDSA, RSA. */
  hostKeys: string[];
}

export type Log = (message: string) => void;

const bases = () => join(labCache(), "vps");

/** A log whose lines say how long it has been since this call. */
export function timed(log: Log): Log {
  const began = Date.now();
  return (what) => log(`Debian VPS: ${what} (${((Date.now() - began) / 1000).toFixed(0)} s)`);
}

/**
 * Folder of the base that is made of `parts`; `make` is given an empty folder, and makes the base in its subfolder
 * `done` by {@link keep} when it is not there.
 */
export async function keptBase(
  name: string,
  parts: unknown[],
  make: (work: string) => Promise<void>,
): Promise<{ disk: string; hostKeys: string[] }> {
  const folder = await keptFolder(bases(), name, parts, make);
  const hostKeys = readFileSync(join(folder, "hostkeys.pub"), "utf8").trim().split("\n");
  return { disk: join(folder, "base.qcow2"), hostKeys };
}

/** Makes a disk that was written the base of `work`; the answer is the new disk. */
export async function keep(work: string, disk: string, hostKeys: string[]): Promise<string> {
  const done = join(work, "done");
  mkdirSync(done);
  const kept = join(done, "base.qcow2");
  await run("qemu-img", ["convert", "-O", "qcow2", disk, kept]);
  writeFileSync(join(done, "hostkeys.pub"), `${hostKeys.join("\n")}\n`);
  await run("chmod", ["0444", kept]);
  return kept;
}

/** Runs a command of a build on a running machine; another exit code than 0 is an error. The answer is its output. */
export async function must(vps: Vps, command: string, o: Parameters<Vps["ssh"]>[1] = {}): Promise<string> {
  const r = await vps.ssh(command, { timeout: 300_000, ...o });
  if (r.exitCode !== 0) die(`the lab's Debian: ${command}: exit code ${r.exitCode}: ${r.stderr || r.stdout}`);
  return r.stdout;
}

/** Has a machine power itself off, so that its disk is whole. */
export async function powerOff(vps: Vps): Promise<void> {
  await vps.ssh("systemctl poweroff");
  await vps.off(120_000);
}
