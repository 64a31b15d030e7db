/**
 * A server whose disk is written over, by the plain CLI: seen, cut off in the middle, gone on with, compared from
 * outside; written anew and updated it is in overwrite-life.test.ts. PINE_RELEASE, PINE_FIRMWARE: of its Debian;
 * PINE_ENTER: kexec, or grub or shutdown, where what comes before it is switched off on the server.
 */
import { createReadStream, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../provider/local/run.ts";
import type { Running } from "./hijack-cli.ts";
import { BOOT_MS, bootId, type Lab, labFirmware, on, startLab, steps, until } from "./hijack-lab.ts";
import { descendants } from "./hijack-secrets.ts";
import { overwriteProgram, WRITTEN } from "./overwrite-lab.ts";

const step = steps(test);
const PAGE = "Hello from an atomic server";
const SERVER = "pine:index:HostHijack";

/** Leaves the server this way into the RAM system. */
const ENTER = {
  kexec: "true",
  grub: "sysctl -qw kernel.kexec_load_disabled=1",
  shutdown: "sysctl -qw kernel.kexec_load_disabled=1; chmod -x /etc/grub.d/41_custom; update-grub 2>&1",
};
const way = (process.env.PINE_ENTER || "kexec") as keyof typeof ENTER;

let lab: Lab;
let debian: string;

beforeAll(async () => {
  // MiB: what it has to do with, all the way
  lab = await startLab("overwrite", { memory: 256, firmware: labFirmware() });
  await on(lab.vps, ENTER[way]);
  overwriteProgram(lab.project, { data: true });
  debian = await bootId(lab.vps);
});
afterAll(() => lab?.end());

/** Ends everything that a run started, as a power cut of the build machine does. */
function dieWith(up: Running): void {
  for (const pid of descendants(up.pid)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended meanwhile
    }
  }
}

/** ssh's master of a run: the connection itself. */
async function masterOf(up: Running): Promise<number> {
  const { stdout } = await run("ps", ["-o", "pid=,args=", "-p", descendants(up.pid).join(",")]);
  return Number(/^\s*(\d+) ssh .* -N pine-host$/m.exec(stdout)?.[1]);
}

/** Everything that an overwrite would begin with. */
const untouched = "ls -laR /boot; ls -d /run/pine* 2>&1; cat /proc/self/mounts /sys/kernel/kexec_loaded";
const inState = async () => (await lab.project.state()).find((r) => r.type === SERVER);

step("preview says what is lost, and writes nothing on the server", async () => {
  const before = await on(lab.vps, untouched);
  const { output } = await lab.project.ok(["preview"]);
  expect(output).toMatch(
    /overwrite Debian 1[123]: send the image, 2 reboots; ERASES \/dev\/vda \(gpt [0-9a-f-]{36}\): vda1/,
  );
  expect(output).toMatch(/makes data partition data \(ext4, 537 MB\) on \/srv\/data/);
  expect(output).toMatch(/destroy leaves the server as it is/);
  expect(output).toMatch(
    { kexec: /takes over \(kexec\)/, grub: /takes over \(booted once by/, shutdown: /takes over \(systemd's/ }[way],
  );
  expect(await on(lab.vps, untouched)).toBe(before);
  expect(await bootId(lab.vps)).toBe(debian);
  lab.tell("preview");
});

step("the connection is cut while the disk is written: the RAM system stays", async () => {
  const up = lab.project.start(["up", "--skip-preview"]);
  await up.saw(WRITTEN, ([, amount]) => /^[2-9]\d MB$/.test(amount!));
  process.kill(await masterOf(up), "SIGKILL");
  const { exitCode, output } = await up.ended;
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(/the disk was being written.*RAM system waits for the next `pulumi up`/);
  expect((await inState())?.initErrors?.join("\n")).toMatch(/lost/);
  expect(await on(lab.vps, ". /etc/os-release; echo $ID; ls /run/pine-ram")).toMatch(
    /^pine-ram\n(?!.*finished).*writing/s,
  );
  lab.tell("cut off, and the RAM system answers");
});

step("the build machine dies while it goes on", async () => {
  const up = lab.project.start(["up", "--skip-preview"]);
  await up.saw(/^going on at block \d+ of 160/);
  await up.saw(WRITTEN, ([, amount]) => /^[23]\d\d MB$/.test(amount!));
  dieWith(up);
  await up.ended;
  await lab.project.simple(["cancel", "--yes"]); // Pulumi's own lock of the stack
  lab.tell("killed, and every process of it");
});

step("the next up finishes; before identity is written the disk is the image, byte for byte", async () => {
  const preview = await lab.project.ok(["preview"]);
  expect(preview.output).toMatch(/continues the overwrite of Debian.* \d+ of 160 blocks are written; 1 reboot/);
  const up = lab.project.start(["up", "--skip-preview"]);
  await up.saw(/^verified: /);
  // not ssh, which answers the server's question whether somebody is still there
  const stopped = descendants(up.pid).filter((pid) => readFileSync(`/proc/${pid}/comm`, "utf8") !== "ssh\n");
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
  try {
    await compareDisk();
  } finally {
    for (const pid of stopped) process.kill(pid, "SIGCONT");
  }
  lab.tell("compared from outside of the guest");
  const { exitCode, output } = await up.ended;
  expect(exitCode, output).toBe(0);
  lab.tell("up");
});

/** The machine's disk as QEMU's own tool reads it, against the image of the store. */
async function compareDisk(): Promise<void> {
  const { path, size, sha256 } = (await lab.project.state()).find((r) => r.type === "pine:index:DiskImage")!.outputs;
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const [disk, image] = [join(lab.work, "disk.raw"), join(lab.work, "image.raw")];
  // the machine runs: it writes nothing now, and qemu-img reads past its lock
  await run("qemu-img", ["convert", "-U", "-O", "raw", lab.vps.disk, disk]);
  await run("zstd", ["-q", "-d", "-f", path, "-o", image]);
  try {
    const bytes = size * 1024 * 1024;
    const [a, b] = [createReadStream(disk, { end: bytes - 1 }), createReadStream(image)];
    const other = b[Symbol.asyncIterator]();
    let compared = 0;
    for await (const chunk of a) {
      const { value } = await other.next();
      const same = Buffer.compare(chunk, value ?? Buffer.alloc(0)) === 0;
      if (!same) expect(`byte ${compared} and following`).toBe("the image's");
      compared += chunk.length;
    }
    expect(compared).toBe(bytes);
    // it is more than zeros that was compared
    const file = await open(disk);
    const head = Buffer.alloc(520);
    await file.read(head, 0, 520, 0);
    await file.close();
    expect(head.toString("latin1", 512, 520)).toBe("EFI PART");
  } finally {
    for (const file of [disk, image]) rmSync(file);
  }
}

step("the server is Alpine, itself otherwise, with its data partitions", async () => {
  // the server's own host key is checked at each connection
  const seen = await on(
    lab.vps,
    "(. /etc/os-release; echo $ID); hostname; wget -qO- http://127.0.0.1/; cat /etc/pine-demo/token; grep -E ' /var/(srv/data|bulk) ' /proc/mounts",
  );
  expect(seen).toMatch(/^alpine\nweb-1\n/);
  expect(seen).toContain(`${PAGE}\n`);
  expect(seen).toMatch(/ \/var\/srv\/data ext4 /);
  expect(seen).toMatch(/ \/var\/bulk xfs /);
  expect(await on(lab.vps, "cat /boot/grub/pine/install")).toMatch(/^method=overwrite$/m);
  const { booted, plan } = await lab.project.server();
  expect(await on(lab.vps, "ostree admin status")).toContain(`* pine ${booted.checksum}`);
  expect(plan.restore).toBeUndefined();
  await lab.project.ok(["preview", "--expect-no-changes"]);
  lab.tell("looked at");
});

step("destroy leaves the server as it is, and says so", async () => {
  const boot = await bootId(lab.vps);
  const { output } = await lab.project.ok(["destroy", "--skip-preview"]);
  expect(output).toMatch(/the server stays as it is: it was overwritten/);
  expect(await bootId(lab.vps)).toBe(boot);
  await until("it answers", async () => (await on(lab.vps, "hostname")) === "web-1", BOOT_MS);
});
