/**
 * A build machine whose disk is full: one error, nothing left behind, as much free as before. On a real small file
 * system.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PineError } from "../../../provider/errors.ts";
import { isNoRoom } from "../../../provider/local/full.ts";
import { RunError, run } from "../../../provider/local/run.ts";

const repository = join(import.meta.dirname, "../../..");

/**
 * Works in a tmpfs of 2 MiB: what `work` does with `dir`; answers the error, what is left, and what is free before and
 * after.
 */
async function inSmall(work: string): Promise<{ error: string; left: string[]; before: number; after: number }> {
  const program = `
    import { readdirSync, statfsSync } from "node:fs";
    import { writeFile } from "node:fs/promises";
    import { withTemp } from "./provider/image/namespace/temp.ts";
    import { run } from "./provider/local/run.ts";
    const free = () => statfsSync("/mnt").bavail;
    const before = free();
    const error = await withTemp("/mnt", async (dir) => { ${work} }).then(() => "none", (e) => e.message);
    console.log(JSON.stringify({ error, left: readdirSync("/mnt"), before, after: free() }));`;
  const mounted = 'mount --make-rprivate / && mount -t tmpfs -o size=2m tmpfs /mnt && exec "$@"';
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", program];
  const { stdout } = await run("unshare", ["-r", "-m", "sh", "-c", mounted, "sh", ...node], { cwd: repository });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

describe("a full disk of the build machine", () => {
  it.each([
    ["by Node", "await writeFile(dir + '/x', new Uint8Array(4 << 20))"],
    ["by a program", "await run('dd', ['if=/dev/zero', 'of=' + dir + '/x', 'bs=1M', 'count=4'])"],
  ])("written %s", async (_, work) => {
    const { error, left, before, after } = await inSmall(work);
    expect(error).toMatch(
      /^no room on this machine in \/mnt: 2\.\d MB were free when this began, .* when it failed; .*free some space/,
    );
    expect(left).toEqual([]);
    expect(after).toBe(before);
  });
  it("nothing else is taken for it", async () =>
    expect((await inSmall("throw new Error('bad luck')")).error).toBe("bad luck"));
});

it.each<[string, unknown, boolean]>([
  ["a quota", Object.assign(new Error("x"), { code: "EDQUOT" }), true],
  ["a cause", new PineError("x", { cause: Object.assign(new Error("y"), { code: "ENOSPC" }) }), true],
  ["a program", new RunError("x", { stdout: "", stderr: "cp: No space left on device", timedOut: false }), true],
  ["another code", Object.assign(new Error("x"), { code: "EACCES" }), false],
  ["no error", "x", false],
])("%s: %o is %s", (_, error, expected) => expect(isNoRoom(error)).toBe(expected));
