/**
 * parts.sh on made-up servers, in both shells, with the planner that the provider uses: where a transfer goes on, and
 * what stays of one that ended.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { BLOCK, blockDigests, parsePart, whereToGoOn } from "../../../provider/host/ssh/parts.ts";
import { makeServer, plant, runOn, SHELLS, type Step, workFolder } from "./a-server.ts";

const work = workFolder();
afterAll(() => rmSync(work, { recursive: true }));
const MIB = 1024 * 1024;
const data = randomBytes(9 * MIB + 123);
const file = join(work, "data");
writeFileSync(file, data);
const sha256 = createHash("sha256").update(data).digest("hex");
const names = [sha256, String(data.length)];

const SCRIPT = `set -eu
${assetText("system/rootfs/usr/libexec/pine/prelude")}
${assetText("host/ssh/parts.sh")}
case $1 in
  part) part /keep/parts "$2" "$3" "\${4:-0}"; [ "$missing" -le 0 ] || echo "missing $missing" ;;
  receive) arrive /keep/parts "$2" "$3" "$4" "the file"; sha256sum <"./$2" ;;
esac`;
const step = (args: string[], input?: Uint8Array): Step => ({ script: SCRIPT, args, input });
const parts = (root: string) => join(root, "keep/parts");
/** What arrived of the file. */
const keep = (root: string, content: Uint8Array, name = sha256) => {
  mkdirSync(parts(root), { recursive: true });
  chmodSync(parts(root), 0o700);
  writeFileSync(join(parts(root), name), content);
};
const changed = (at: number, to = data) => {
  const copy = Buffer.from(to);
  copy[at] = copy[at]! ^ 1;
  return copy;
};

describe.each(SHELLS)("%s", (shell) => {
  let made = 0;
  const server = () => {
    const root = join(work, `${shell}-${made++}`);
    makeServer(root, shell);
    plant(root, { "victim/file": "not ours" });
    return root;
  };
  /** Where the provider goes on. */
  async function from(root: string): Promise<number> {
    const { code, stdout, stderr } = await runOn(root, [step(["part", ...names])]);
    expect([code, stderr]).toEqual([0, ""]);
    const there = parsePart(stdout);
    return whereToGoOn(there, await blockDigests(file, Math.min(there.bytes!, data.length)), data.length);
  }
  async function whole(root: string, at: number) {
    const r = await runOn(root, [step(["receive", ...names, String(at)], data.subarray(at))]);
    expect([r.code, r.stdout, r.stderr]).toEqual([0, `${sha256}  -\n`, ""]);
    expect(readdirSync(parts(root))).toEqual([sha256]);
    expect(statSync(parts(root)).mode & 0o7777).toBe(0o700);
    expect(readFileSync(join(root, "victim/file"), "utf8")).toBe("not ours");
  }

  it.each<[string, (root: string) => void, number]>([
    ["nothing is there", () => {}, 0],
    ["a cut in the middle", (root) => keep(root, data.subarray(0, 5 * MIB)), 5 * MIB],
    ["a cut at a block's end", (root) => keep(root, data.subarray(0, BLOCK)), BLOCK],
    ["all of it is there (curl/curl#6740: no error then)", (root) => keep(root, data), data.length],
    ["a block in the middle is damaged", (root) => keep(root, changed(5 * MIB)), BLOCK],
    ["another content (mchangrh/sb-mirror#14: rsync --append)", (root) => keep(root, changed(7)), 0],
    ["another file's", (root) => keep(root, randomBytes(100), "1".repeat(64)), 0],
    [
      "zeros at its end, of a power cut (canonical/snapd#17072)",
      (root) => keep(root, Buffer.concat([data.subarray(0, 8.5 * MIB), Buffer.alloc(1000)])),
      2 * BLOCK,
    ],
    ["longer than the file (xroche/httrack#428)", (root) => keep(root, Buffer.concat([data, data])), data.length],
    [
      "a link in place of the folder",
      (root) => {
        mkdirSync(join(root, "keep"));
        symlinkSync("/victim", parts(root));
        writeFileSync(join(root, "victim", sha256), data);
      },
      0,
    ],
    [
      "a link in place of the file",
      (root) => {
        keep(root, data);
        rmSync(join(parts(root), sha256));
        symlinkSync("/victim/file", join(parts(root), sha256));
      },
      0,
    ],
    [
      "a folder that others may enter",
      (root) => {
        keep(root, data);
        chmodSync(parts(root), 0o755);
      },
      0,
    ],
    ["a file in place of the folder", (root) => plant(root, { "keep/parts": "text" }), 0],
    [
      "a folder in place of the file",
      (root) => mkdirSync(join(parts(root), sha256), { recursive: true, mode: 0o700 }),
      0,
    ],
  ])("goes on where it differs: %s", async (_, prepare, wanted) => {
    const root = server();
    prepare(root);
    const at = await from(root);
    expect(at).toBe(wanted);
    await whole(root, at);
  });

  it("what arrived stays when the connection ends, and the next run goes on", async () => {
    const root = server();
    for (const [at, end] of [
      [0, 5 * MIB],
      [5 * MIB, 6 * MIB],
    ] as const) {
      const r = await runOn(root, [step(["receive", ...names, String(at)], data.subarray(at, end))]);
      expect([r.code, r.stderr]).toEqual([
        1,
        `pine: the file did not arrive whole: ${end} of ${data.length} bytes are there\n`,
      ]);
      expect(await from(root)).toBe(end);
    }
    await whole(root, 6 * MIB);
  });

  it.each(["HUP", "TERM", "KILL"])("and at a SIG%s", async (signal) => {
    const root = server();
    plant(root, { data: "" });
    writeFileSync(join(root, "data"), data.subarray(0, 5 * MIB));
    const script = `mkfifo /pipe
      sh -c 'eval "$(cat /script)"' sh receive ${names.join(" ")} 0 </pipe >/dev/null 2>&1 &
      exec 9>/pipe
      cat /data >&9
      until [ "$(stat -c %s /keep/parts/${sha256} 2>/dev/null)" = ${5 * MIB} ]; do sleep 1; done
      kill -${signal} $!
      exec 9>&-
      ! wait $!`;
    writeFileSync(join(root, "script"), SCRIPT);
    const r = await runOn(root, [{ script, args: [] }]);
    expect([r.code, r.stderr.trim().split("\n").length]).toEqual([0, 1]); // the shell names the signal
    const at = await from(root);
    expect(at).toBe(5 * MIB);
    await whole(root, at);
  });

  it("a transfer whose connection hangs is ended by the next, and writes no more", async () => {
    const root = server();
    writeFileSync(join(root, "script"), SCRIPT);
    const script = `mkfifo /pipe
      sh -c 'eval "$(cat /script)"' sh receive ${names.join(" ")} 0 </pipe >/dev/null 2>&1 &
      exec 9>/pipe
      echo early >&9
      until [ -s /keep/parts/${sha256} ]; do sleep 1; done
      sh -c 'eval "$(cat /script)"' sh part ${names.join(" ")} | head -n 1
      wait $! || echo "ended by $?"
      echo late >&9 || true
      stat -c %s /keep/parts/${sha256}`;
    const r = await runOn(root, [{ script: `trap '' PIPE\n${script}`, args: [] }]);
    expect(r.stdout).toBe("6\nended by 137\n6\n");
  });

  it("what was changed on the way goes, so that the next run is not the same again (Achievement-Watcher-Next#24)", async () => {
    const root = server();
    const bad = changed(data.length - 1);
    const r = await runOn(root, [step(["receive", ...names, "0"], bad)]);
    expect([r.code, r.stderr]).toEqual([
      1,
      "pine: the file did not arrive whole: it was changed on the way, or the disk is bad\n",
    ]);
    expect(existsSync(parts(root))).toBe(false);
    expect(await from(root)).toBe(0);
    await whole(root, 0);
  });

  it("what was there when it was looked at, and is not any more, is told (rustup#4710)", async () => {
    const root = server();
    const r = await runOn(root, [step(["receive", ...names, String(BLOCK)], data.subarray(BLOCK))]);
    expect([r.code, r.stderr]).toEqual([1, "pine: what was there of the file is gone: run `pulumi up` again\n"]);
  });

  it("without room nothing is kept, and it says how much is missing", async () => {
    const root = server();
    keep(root, data.subarray(0, BLOCK));
    const after = 'df -kP / | { read -r _; read -r _ _ n _; echo "$n"; }; ls /keep';
    const r = await runOn(root, [step(["part", ...names, "100000"])], { memory: { kib: 40_000, after } });
    const missing = Number(/^missing (\d+)$/m.exec(r.stdout)?.[1]);
    // what is to come, and what it takes; what is there counts as free no more
    expect(missing).toBeGreaterThan(100_000 - 40_000);
    expect(r.stdout).toMatch(/^missing \d+\n=== seen\n\d+\n$/);
  });

  it("a disk that gets full while it arrives: so much is missing, and nothing stays", async () => {
    const root = server();
    const after = 'df -kP / | { read -r _; read -r _ _ n _; echo "$n"; }; ls /keep';
    const memory = { kib: 12_000, after };
    const used = Number((await runOn(root, [], { memory })).stdout.split("\n")[1]);
    const r = await runOn(root, [step(["receive", ...names, "0"], data)], { memory: { ...memory, kib: used + 5000 } });
    expect(r.code).toBe(1);
    const missing = Number(
      /^pine: the file system of \/keep\/ is too full: (\d+) KiB are missing for the file$/m.exec(r.stderr)?.[1],
    );
    expect(Math.abs(missing - (9 * 1024 - 5000))).toBeLessThan(400);
    expect(r.stdout).toMatch(new RegExp(`^=== seen\n${used}\n$`));
  });
});
