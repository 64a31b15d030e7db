import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { asset } from "../../../../provider/assets.ts";
import { knobsPiece, memoryPiece } from "../../../../provider/image/recipe/tuning.ts";
import { run } from "../../../../provider/local/run.ts";
import { folders } from "./a-shell.ts";

const dir = folders();

/** Runs commands with the functions of a service, as openrc-run does; warnings become lines. */
const service = (setting: string, commands: string, env: Record<string, string> = {}) =>
  run(
    "sh",
    [
      "-c",
      `ebegin() { :; }; eend() { return "\${1:-0}"; }; ewarn() { echo "warning: $*"; }; veinfo() { :; }\n. "$1"\n${commands}`,
      "sh",
      asset("system", "settings", setting, "etc/init.d", `pine-${setting}`),
    ],
    { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env } },
  );
async function files(contents: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(dir.at, path)), { recursive: true });
    await writeFile(join(dir.at, path), content);
  }
}
const text = async (path: string) => (await readFile(join(dir.at, path), "utf8")).trim();

describe("what a setting brings", () => {
  it.each([
    [{ kind: "zram", percent: 75 }, { boot: ["pine-zram"] }, "pine-zram", 'ZRAM_PERCENT="75"\n'],
    [{ kind: "swapfile", size: 512 }, { default: ["pine-swapfile"] }, "pine-swapfile", 'SWAP_SIZE="512"\n'],
    [{ kind: "zswap", size: 64 }, { default: ["pine-swapfile", "pine-zswap"] }, "pine-swapfile", 'SWAP_SIZE="64"\n'],
  ] as const)("memory %j", (memory, services, conf, content) => {
    const piece = memoryPiece(memory)!;
    expect(piece.services).toEqual(services);
    expect(piece.files).toContainEqual({ path: `/etc/conf.d/${conf}`, content });
    for (const name of Object.values(services).flat())
      expect(piece.files).toContainEqual(expect.objectContaining({ path: `/etc/init.d/${name}`, mode: "0755" }));
  });
  it("no swap", () => expect(memoryPiece({ kind: "none" })).toBeUndefined());

  const knobs = {
    hugepages: "madvise",
    block: { nr_requests: "256", scheduler: "mq-deadline", add_random: "0" },
  } as const;
  it("knobs: a scheduler before what depends on it", () =>
    expect(knobsPiece({ ...knobs, offload: {} })).toMatchObject({
      packages: [],
      services: { boot: ["pine-knobs"] },
      files: [
        { path: "/etc/init.d/pine-knobs" },
        {
          path: "/etc/conf.d/pine-knobs",
          content: 'HUGEPAGES="madvise"\nBLOCK="scheduler=mq-deadline add_random=0 nr_requests=256"\nOFFLOAD=""\n',
        },
      ],
    }));
  it("knobs of network cards need ethtool", () => {
    const piece = knobsPiece({ ...knobs, offload: { tx: "on", gro: "off" } });
    expect(piece.packages).toEqual(["ethtool"]);
    expect(piece.files!.at(-1)!.content).toMatch(/^OFFLOAD="gro=off tx=on"$/m);
  });
});

describe("zram", () => {
  it("takes a percentage of the memory", async () => {
    await files({ meminfo: "MemTotal:        1000001 kB\nMemFree: 5 kB\n" });
    const size = async (percent: number) =>
      (await service("zram", `zram_size "$F" ${percent}`, { F: join(dir.at, "meminfo") })).stdout;
    expect([await size(50), await size(400)]).toEqual(["500000", "4000004"]);
  });
});

describe("the swap file", () => {
  const MIB = 1024;
  /** KiB of the disk and free, MiB of the file that is there and wanted. */
  const decide = async (total: number, free: number, have: number, want: number) => {
    const file = join(dir.at, "swap");
    if (have > 0) {
      await writeFile(file, "");
      await truncate(file, have * 2 ** 20);
    }
    const df = `df() { printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/vda1 ${total} 0 ${free} 0%% /\\n'; }`;
    const { stdout } = await service(
      "swapfile",
      `${df}; decide "$SWAP_FILE" ${want}; echo "$plan \${reason:+for a reason}"`,
      {
        SWAP_FILE: file,
      },
    );
    return stdout.trim();
  };
  it.each<[string, [number, number, number, number], string]>([
    ["is made", [10_000 * MIB, 5000 * MIB, 0, 1024], "make"],
    ["leaves a tenth of the disk", [10_000 * MIB, 2000 * MIB, 0, 1000], "make"],
    ["and no less", [10_000 * MIB, 2000 * MIB, 0, 1001], "none for a reason"],
    ["leaves 64 MiB of a small disk", [100 * MIB, 80 * MIB, 0, 16], "make"],
    ["and no less there", [100 * MIB, 80 * MIB, 0, 17], "none for a reason"],
    ["stays", [100 * MIB, 0, 16, 16], "use"],
    ["is made again for another size, in its own place", [10_000 * MIB, 1000 * MIB, 100, 99], "make"],
    ["is made again when it grows", [10_000 * MIB, 1050 * MIB, 100, 150], "make"],
    ["stays as it was when it cannot grow", [10_000 * MIB, 1050 * MIB, 100, 151], "use for a reason"],
  ])("%s", async (_, given, plan) => {
    expect(await decide(...given)).toBe(plan);
  });
  it.each(["fallocate", "dd"])("is a swap space for root alone, by %s", async (how) => {
    const file = join(dir.at, "swap");
    await writeFile(file, "old");
    const { stdout } = await service("swapfile", `make "$SWAP_FILE" 2 ${how}; stat -c '%a %s' "$SWAP_FILE"`, {
      SWAP_FILE: file,
    });
    expect(stdout).toBe("600 2097152");
    // where a header's signature lies with pages of 4 KiB: linux/swap.h
    expect((await readFile(file)).subarray(4086, 4096).toString()).toBe("SWAPSPACE2");
  });
});

describe("zswap", () => {
  it("is set where the kernel has it", async () => {
    await files({ "p/enabled": "N\n", "p/compressor": "lzo\n", "p/max_pool_percent": "20\n" });
    const env = { ZSWAP_PARAMETERS: join(dir.at, "p"), ZSWAP_MAX_POOL_PERCENT: "30" };
    expect((await service("zswap", "start", env)).stdout).toBe("");
    expect([await text("p/enabled"), await text("p/compressor"), await text("p/max_pool_percent")]).toEqual([
      "1",
      "zstd",
      "30",
    ]);
  });
  it("is no failure where it has not", async () => {
    const r = await service("zswap", "start", { ZSWAP_PARAMETERS: join(dir.at, "none") });
    expect(r.stdout).toMatch(/^warning: this kernel has no zswap/);
  });
});

describe("knobs", () => {
  it("turn disks of servers, and tell what one lacks", async () => {
    const queues = ["vda", "nvme0n1", "loop0"].map((d) => [`block/${d}/queue/nr_requests`, "128\n"]);
    await files({
      ...Object.fromEntries(queues),
      "block/vda/queue/iosched/read_expire": "500\n",
      "kernel/mm/transparent_hugepage/enabled": "never\n",
    });
    const { stdout } = await service("knobs", "start", {
      KNOBS_SYS: dir.at,
      HUGEPAGES: "madvise",
      BLOCK: "nr_requests=256 iosched/read_expire=200",
    });
    expect(stdout.replaceAll(dir.at, "")).toBe(
      [
        "warning: there is no /kernel/mm/transparent_hugepage/defrag",
        "warning: there is no /block/nvme0n1/queue/iosched/read_expire",
      ].join("\n"),
    );
    expect(await text("kernel/mm/transparent_hugepage/enabled")).toBe("madvise");
    expect(await text("block/vda/queue/iosched/read_expire")).toBe("200");
    for (const [disk, value] of Object.entries({ vda: "256", nvme0n1: "256", loop0: "128" }))
      expect(await text(`block/${disk}/queue/nr_requests`), disk).toBe(value);
  });
});
