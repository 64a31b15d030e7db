/** Looks for secrets where they must not be: process lists and environments here and on the server, files, archives. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../provider/local/run.ts";
import type { Vps } from "../lab/vps/vps.ts";

/** A text that is nowhere else in the world. */
export const canary = (of: string) => `canary-${of}-${randomBytes(12).toString("hex")}`;

/** Name of a secret -> texts that give it away. */
export type Canaries = Record<string, string[]>;

/**
 * What gives a private key away: its lines, but for those that every key of the kind has and those of the public key
 * within it.
 */
export function keyCanaries(privateKey: string, publicKey: string): string[] {
  return privateKey
    .split("\n")
    .slice(2, -2)
    .filter((line) => line.length > 40 && !publicKey.includes(line));
}

/** Names of the secrets that are in a text, as they are or as JSON and environments have them. */
export function secretsIn(text: string | Buffer, canaries: Canaries): string[] {
  const has = (s: string) => (typeof text === "string" ? text.includes(s) : text.includes(Buffer.from(s)));
  const forms = (s: string) => [
    s,
    Buffer.from(s).toString("base64").replace(/=+$/, ""),
    Buffer.from(s).toString("hex"),
  ];
  return Object.keys(canaries).filter((name) => canaries[name]!.some((s) => forms(s).some(has)));
}

export interface Watch {
  /** "secret in what", as found so far. */
  found: Set<string>;
  /** Processes looked at. */
  seen: Set<string>;
  stop(): Promise<void>;
}

/**
 * Reads command lines and environments on this machine for as long as it is not stopped: of all processes every half
 * second, and without a pause between of what `leader()` started.
 */
export function watchProcesses(canaries: Canaries, leader: () => number | undefined): Watch {
  const found = new Set<string>();
  const seen = new Set<string>();
  let over = false;
  const look = (pid: string) => {
    for (const what of ["cmdline", "environ"] as const) {
      let text: Buffer;
      try {
        text = readFileSync(`/proc/${pid}/${what}`);
      } catch {
        continue; // ended, or a kernel thread
      }
      seen.add(`${what} ${text.subarray(0, 60)}`);
      for (const name of secretsIn(text, canaries))
        found.add(`${name} in ${what} of ${text.subarray(0, 60).toString().replaceAll("\0", " ")}`);
    }
  };
  const work = (async () => {
    for (let round = 0; !over; round++) {
      if (round % 20 === 0) for (const pid of readdirSync("/proc").filter((n) => /^\d+$/.test(n))) look(pid);
      const pid = leader();
      for (const child of pid === undefined ? [] : descendants(pid)) look(String(child));
      await sleep(25);
    }
  })();
  const stop = async () => {
    over = true;
    await work;
  };
  return { found, seen, stop };
}

/** A process and all that it started, as long as their parents live. */
export function descendants(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(descendants)];
  } catch {
    return []; // ended
  }
}

/**
 * A pattern for grep -E that matches the text, but not itself in a command line: a line of a key may begin with "/"
 * too.
 */
const hidden = (text: string) => `[${text[0]}]${text.slice(1).replace(/[.[\]*+?(){}|^$\\]/g, "\\$&")}`;

/**
 * The same on the server, over one SSH session that ends with the boot it was begun in. `found` has the names of the
 * secrets.
 */
export async function watchServer(vps: Vps, canaries: Canaries): Promise<{ found: string[]; rounds: number }> {
  const patterns = Object.values(canaries).flat().map(hidden).join("|");
  // what is watched comes first: an emulated processor is slow enough
  const script = `export LC_ALL=C; renice -n 19 -p $$ >/dev/null 2>&1; n=0; while :; do
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -aE '${patterns}'
    n=$((n + 1)); echo "round $n"; sleep 0.5; done`;
  const lines = (await vps.ssh(script, { timeout: 3_600_000 }).catch(() => ({ stdout: "" }))).stdout.split("\n");
  const found = lines
    .filter((l) => l && !/^round \d+$/.test(l))
    .map((l) => secretsIn(l, canaries).join(", ") || "a secret");
  return { found, rounds: lines.filter((l) => /^round/.test(l)).length };
}

/** "secret in file" for every file below a folder; compressed ones are looked into. */
export async function secretsInFiles(folder: string, canaries: Canaries): Promise<string[]> {
  const found: string[] = [];
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true }) : []) {
    const file = join(folder, String(name));
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    for (const secret of await secretsInFile(file, canaries)) found.push(`${secret} in ${file}`);
  }
  return found;
}

async function secretsInFile(file: string, canaries: Canaries): Promise<string[]> {
  const unpack = /\.(zst|zstd)$/.test(file) ? "zstd" : /\.gz$/.test(file) ? "gzip" : undefined;
  if (!unpack) return secretsIn(readFileSync(file), canaries);
  const found = new Set<string>();
  let tail = Buffer.alloc(0);
  const search = new Transform({
    transform(chunk: Buffer, _, done) {
      const text = Buffer.concat([tail, chunk]);
      for (const name of secretsIn(text, canaries)) found.add(name);
      tail = text.subarray(-512); // a secret may lie across two chunks
      done();
    },
  });
  await run(unpack, ["-dc", file], { output: search });
  return [...found];
}
