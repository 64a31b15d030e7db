/** What every `pulumi` command pays: what is loaded when the plugin starts. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

/** All that a file imports at once, and what that imports: files, and packages by their names. */
function loaded(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, what = ""] of readFileSync(file, "utf8").matchAll(
    /^(?:import|export) (?!type )[^;]*?from "([^"]+)";/gm,
  ))
    if (what.startsWith(".")) loaded(join(dirname(file), what), seen);
    else seen.add(what);
  return seen;
}

test("is neither what makes requests nor what starts processes", () => {
  const start = loaded("provider/main.ts");
  expect(
    [...start].filter((name) => /^undici$|aws4fetch|ssh2|image\/(http|fetch|mirror)|provider\/run\.ts/.test(name)),
  ).toEqual([]);
  // a sound look: what is there is found
  for (const name of ["provider/rpc/config.ts", "provider/local/credentials.ts", "@grpc/grpc-js"])
    expect(start).toContain(name);
  expect(loaded("provider/resources/rootfs/rootfs.ts")).toContain("undici");
});
