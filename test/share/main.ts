/**
 * `npm run share`: two Pines in two PID namespaces share cache, store and /tmp, and are killed now and then. See USAGE.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { die, messageOf } from "../../provider/errors.ts";
import { removeTree } from "../../provider/image/namespace/run-in.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { serveMirror } from "../lab/mirror/server.ts";
import { BROKEN, breakSource } from "./broken.ts";
import { share } from "./share.ts";

const USAGE = `npm run share -- [--minutes M] [--seed S] [--kills SHARE] [--broken KIND] [--keep]
  --minutes  how long new builds are begun (default 60)
  --seed     which builds and kills (default 1)
  --kills    the share of builds that is killed, 0 to 1 (default 0.25)
  --broken   ${Object.keys(BROKEN).join(", ")}: a build that must not pass
  --keep     leave store and cache for a look
Exit code 1: something was lost, left or damaged, or a build failed.`;

const log = (line: string) => process.stderr.write(`share: ${line}\n`);
const repository = join(import.meta.dirname, "../..");

/** One file, as the plugin is; its data is the provider's. */
async function bundle(outfile: string, broken: string | undefined): Promise<void> {
  const lost = new Set(Object.keys(broken ? breakSource(broken) : {}));
  await build({
    entryPoints: [join(import.meta.dirname, "pine.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    define: { "import.meta.dirname": JSON.stringify(join(repository, "provider")) },
    plugins: [
      {
        name: "broken",
        setup: (b) =>
          b.onLoad({ filter: /\/provider\/.*\.ts$/ }, ({ path }) => {
            const change = broken && breakSource(broken)[path.slice(repository.length + 1)];
            if (!change) return undefined;
            lost.delete(path.slice(repository.length + 1));
            return { contents: change(readFileSync(path, "utf8")), loader: "ts" };
          }),
      },
    ],
  });
  if (lost.size > 0) die(`--broken ${broken}: ${[...lost].join(", ")} is not in the program`);
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values: o } = parseArgs({
    options: { minutes: text, seed: text, kills: text, broken: text, keep: flag, help: flag },
  });
  if (o.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const number = (name: "minutes" | "seed" | "kills", otherwise: number, most: number) => {
    const value = Number(o[name] ?? otherwise);
    return value >= 0 && value <= most ? value : die(`--${name} ${o[name]}`, `expected a number up to ${most}`);
  };
  if (process.getuid?.() !== 0) die("PID namespaces with a /proc of their own are made as root", "run it by sudo");
  const [minutes, seed, kills] = [number("minutes", 60, 1e4), number("seed", 1, 1e9), number("kills", 0.25, 1)];
  const work = mkdtempSync(join(tmpdir(), "pine-share-"));
  const tree = await ensureMirror(log);
  const mirror = await serveMirror(tree);
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => ending.abort());
  try {
    const program = join(work, "pine.mjs");
    await bundle(program, o.broken);
    const folders = { store: join(work, "store"), cache: join(work, "cache"), tmp: join(work, "tmp") };
    mkdirSync(folders.tmp);
    const config = { ...folders, mirror: mirror.url, release: "v3.23", keys: tree.keys };
    const said = await share({ config, work, program, minutes, seed, kills, signal: ending.signal, log });
    for (const line of said.wrong) process.stdout.write(`${line}\n`);
    process.stdout.write(`${said.summary}\n`);
    if (o.keep) writeFileSync(join(work, "wrong.txt"), said.wrong.join("\n"));
    return said.wrong.length > 0 || said.builds === 0 ? 1 : 0;
  } finally {
    await mirror.close();
    if (o.keep) log(`kept ${resolve(work)}`);
    else await removeTree(work);
  }
}

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`error: ${messageOf(error)}\n${error?.hint ? `${error.hint}\n` : ""}`);
    process.exit(2);
  },
);
