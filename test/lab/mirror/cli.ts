/** The lab's mirror by hand: `npx tsx test/lab/mirror/cli.ts serve [--port N] [--keys DIR]`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureMirror, serveMirror } from "./index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string" }, keys: { type: "string" } },
});
if (!["serve", "build"].includes(positionals[0] ?? "")) {
  console.error("usage: cli.ts build | serve [--port N] [--keys DIR]");
  process.exit(2);
}
const tree = await ensureMirror((line) => console.error(line));
const keys = resolve(values.keys ?? join(tree.dir, "keys"));
await mkdir(keys, { recursive: true });
for (const [name, pem] of Object.entries(tree.keys)) await writeFile(join(keys, name), pem);
console.log(`mirror ${tree.dir}\nkeys   ${keys}`);
if (positionals[0] === "serve")
  console.log(`url    ${(await serveMirror(tree, { port: Number(values.port ?? 0) })).url}`);
