/** A made-up server with health checks: the real programs, and checks of a test's own. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { makeServer, type Ran, type RunSettings, runOn, type Shell, workFolder } from "./a-server.ts";

export interface Check {
  text: string;
  mode?: number;
}
export interface HealthServer {
  /** Programs of the image by name; a text alone is the rest of a sh script. */
  image?: Record<string, string | Check>;
  /** Those of /etc/pine/health.d. */
  own?: Record<string, string | Check>;
  /** Text of health.count; default: the number of `image`, or none without it. */
  count?: string | null;
  /** Further files, executable. */
  programs?: Record<string, string>;
  /** What is changed in /usr/libexec/pine/health. */
  change?: (text: string) => string;
}

export interface Looked extends Ran {
  /** What it printed, and its exit code. */
  first: string;
  lines: string[];
  exit: number;
  /** What is in /run/pine.health afterwards; undefined: nothing. */
  left?: string;
  /** Milliseconds. */
  took: number;
}

const program = (path: string, { text, mode = 0o755 }: Check) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const written = (one: string | Check): Check => (typeof one === "string" ? { text: `#!/bin/sh\n${one}\n` } : one);

const work = workFolder();
afterAll(() => rmSync(work, { recursive: true, force: true }));
let made = 0;

export function healthServer(shell: Shell, o: HealthServer): string {
  const root = join(work, `${made++}`);
  makeServer(root, shell);
  for (const name of ["health", "limited", "probe"]) {
    const text = assetText("system/rootfs/usr/libexec/pine", name);
    program(join(root, "usr/libexec/pine", name), {
      text: name === "health" && o.change ? o.change(text) : text,
    });
  }
  for (const [name, one] of Object.entries(o.image ?? {}))
    program(join(root, "usr/lib/pine/health.d", name), written(one));
  for (const [name, one] of Object.entries(o.own ?? {})) program(join(root, "etc/pine/health.d", name), written(one));
  const count = o.count === undefined && o.image ? `${Object.keys(o.image).length}\n` : o.count;
  if (count != null) program(join(root, "usr/lib/pine/health.count"), { text: count, mode: 0o644 });
  for (const [path, text] of Object.entries(o.programs ?? {})) program(join(root, path), { text });
  return root;
}

/** Looks once; `script`: what runs instead of /usr/libexec/pine/health alone. */
export async function look(root: string, script = "/usr/libexec/pine/health", o: RunSettings = {}): Promise<Looked> {
  const begun = performance.now();
  const tail = 'echo "exit $?"\n[ ! -e /run/pine.health ] || { echo "=== left"; cat /run/pine.health; }';
  const ran = await runOn(root, [{ script: `${script}\n${tail}`, args: [] }], o);
  const took = performance.now() - begun;
  const [out = "", left] = ran.stdout.split("=== left\n");
  const [, said = "", exit = ""] = /^([\s\S]*?)exit (\d+)\n$/.exec(out) ?? [];
  const [first = "", ...lines] = said.trimEnd().split("\n");
  return { ...ran, first, lines, exit: Number(exit || Number.NaN), left, took };
}

/** Lines without their seconds. */
export const untimed = (lines: string[]) => lines.map((line) => line.replace(/^(\S+ \S+) \d+\.\d\d/, "$1"));
