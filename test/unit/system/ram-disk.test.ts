/**
 * host/ways/overwrite/disk.sh writes what the RAM system is sent: a block counts only when the disk gives it back. A
 * file stands for the disk.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diskScript } from "../../../provider/host/scripts.ts";

const MIB = 1024 * 1024;
const BLOCK = 4 * MIB;
// two blocks and a part of one
const image = Buffer.alloc(9 * MIB, "an image of nine MiB, ");
const digests = [0, 1, 2].map((n) =>
  createHash("sha256")
    .update(image.subarray(n * BLOCK, (n + 1) * BLOCK))
    .digest("hex"),
);
const packed = execFileSync("zstd", ["-cq"], { input: image, maxBuffer: 32 * MIB });

let work: string;
let disk: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), "pine-ram-disk-"));
  mkdirSync(join(work, "bin"));
  disk = join(work, "disk");
  writeFileSync(disk, "");
  truncateSync(disk, 10 * MIB);
});
afterEach(() => rmSync(work, { recursive: true }));

const state = () => join(work, "state");
/** One call of the script, its state in a folder of ours. */
function step(shell: string[], args: string[], input: string | Uint8Array = "", change = (text: string) => text) {
  const script = change(diskScript().replace("state=/run/pine-ram", `state=${state()}`));
  const env = { ...process.env, PATH: `${join(work, "bin")}:${process.env.PATH}` };
  const [file, ...rest] = [...shell, "-c", script, "disk.sh", ...args] as [string, ...string[]];
  const r = spawnSync(file, rest, { input, env, encoding: "utf8" });
  return { code: r.status, stdout: r.stdout.trim(), stderr: r.stderr.trim() };
}

/** A disk of another kind: `then` runs after each write to it. */
function disked(then: string): void {
  const dd = execFileSync("sh", ["-c", "command -v dd"], { encoding: "utf8" }).trim();
  writeFileSync(join(work, "bin/dd"), `#!/bin/sh\n${dd} "$@" || exit\ncase " $* " in *" of="*) ${then} ;; esac\n`);
  chmodSync(join(work, "bin/dd"), 0o755);
}

describe.each([[["dash"]], [["busybox", "sh"]]])("%s", (shell) => {
  beforeEach(() => {
    mkdirSync(state());
    writeFileSync(join(state(), "ready"), "");
    writeFileSync(join(state(), "device"), disk);
    expect(step(shell, ["image", "f".repeat(64), "9", "own"], `${digests.join("\n")}\n`)).toMatchObject({
      code: 0,
      stdout: "0",
    });
  });

  it("writes every block and says so", () => {
    expect(step(shell, ["write"], packed)).toEqual({ code: 0, stdout: "done 1\ndone 2\ndone 3", stderr: "" });
    expect(readFileSync(disk).subarray(0, image.length).equals(image)).toBe(true);
  });

  it("goes on at the first block that is not compared", () => {
    writeFileSync(join(state(), "verified"), "2\n");
    const rest = execFileSync("zstd", ["-cq"], { input: image.subarray(2 * BLOCK), maxBuffer: 32 * MIB });
    expect(step(shell, ["write"], rest)).toMatchObject({ code: 0, stdout: "done 3" });
  });

  it("refuses a block that the disk gives back differently", () => {
    // a bad disk: what was written is there, but for one byte
    disked(
      `printf X | ${execFileSync("sh", ["-c", "command -v dd"], { encoding: "utf8" }).trim()} of=${disk} bs=1 seek=5000000 conv=notrunc 2>/dev/null`,
    );
    const r = step(shell, ["write"], packed);
    expect(r.code).not.toBe(0);
    expect(r.stdout).toBe("done 1");
    expect(r.stderr).toMatch(/block 2 of 3 reads back differently/);
    expect(readFileSync(join(state(), "verified"), "utf8")).toBe("1\n");
  });

  it("refuses what a cut connection made of a block", () => {
    const half = execFileSync("zstd", ["-cq"], { input: image.subarray(0, BLOCK + 1000), maxBuffer: 32 * MIB });
    const r = step(shell, ["write"], half);
    expect([r.code === 0, r.stdout]).toEqual([false, "done 1"]);
    expect(r.stderr).toMatch(/block 2 of 3 reads back differently: the connection was cut/);
  });

  it("finished stays so for the same name, network and keys, and for others the image comes again", () => {
    expect(step(shell, ["write"], packed).code).toBe(0);
    writeFileSync(join(state(), "identity"), "");
    writeFileSync(join(state(), "finished"), "own\n");
    const again = (identity: string) =>
      step(shell, ["image", "f".repeat(64), "9", identity], `${digests.join("\n")}\n`).stdout;
    expect([again("own"), again("own"), again("other"), again("own")]).toEqual(["3 finished", "3 finished", "0", "0"]);
  });

  it("finds the plan's disk, and takes none of two that look the same", () => {
    rmSync(join(state(), "device"));
    const [sys, dev] = [join(work, "sys"), join(work, "dev")];
    mkdirSync(dev);
    const add = (name: string, content: string) => {
      mkdirSync(join(sys, name), { recursive: true });
      writeFileSync(join(sys, name, "size"), "4\n");
      writeFileSync(join(dev, name), content.padEnd(2048, "-"));
    };
    const head = createHash("sha256").update("the old one".padEnd(1024, "-")).digest("hex");
    // folders for the kernel's, files for disks
    const find = () =>
      step(shell, ["find", "2048", "512", head], "", (script) =>
        script
          .replaceAll("/sys/block", sys)
          .replaceAll('"/dev/$', `"${dev}/$`)
          .replaceAll("[ -b ", "[ -e ")
          .replace("blockdev --rereadpt", "true"),
      );
    add("vdb", "another");
    expect(find().stderr).toMatch(/the disk of the plan was not found; the disks are: vdb/);
    add("vda", "the old one");
    add("vdc", "the old one");
    const { code, stderr } = find();
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(/two disks look the same: \S+vdc and \S+vda/)]);
    rmSync(join(sys, "vdc"), { recursive: true });
    expect(find()).toMatchObject({ code: 0, stdout: `${dev}/vda` });
  });

  it("makes no partition on a disk that is not written yet", () => {
    expect(step(shell, ["table", "data", "0", "0", "-", "ext4", "0"]).stderr).toMatch(/the image is not written yet/);
  });
});
