/**
 * A made-up system of Pine with a real OSTree: its physical root is a folder, a slot of it is booted by namespaces, as
 * a container's init would.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { containerOptions } from "../../../provider/boot/options.ts";
import { type SlotName, slotFile } from "../../../provider/boot/slot.ts";
import { envBlock, parseEnvBlock } from "../../../provider/boot/state.ts";
import { agentScript } from "../../../provider/host/scripts.ts";
import { type RunResult, run } from "../../../provider/local/run.ts";
import { plant } from "./a-server.ts";
import { BOOT, IN_ROOM, NAMESPACE } from "./sysroot-boot.ts";

const LINKS = { bin: "usr/bin", sbin: "usr/sbin", lib: "usr/lib", lib64: "usr/lib64", ostree: "sysroot/ostree" };
const FOLDERS =
  "boot dev proc run sys sysroot tmp var usr/bin usr/etc usr/lib/modules/0-container usr/lib64 usr/sbin".split(" ");

/** What the boot part of a commit says. */
export const bootPart = (name: string) => `# part ${name}\n`;

const APPLETS = "sh cat chmod chown mkdir mktemp mv readlink rm rmdir stat".split(" ");
const busybox = () => execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
const libraries = () => execFileSync("ldd", [busybox()], { encoding: "utf8" }).match(/\/\S+(?= \(0x)/g) ?? [];

export class Sysroot {
  // in memory: OSTree flushes whole file systems
  readonly dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "pine-sysroot-"));
  readonly root = join(this.dir, "root");
  readonly slots = join(this.root, "boot/grub/pine");
  readonly scripts = join(this.dir, "scripts");
  private readonly repo = join(this.root, "ostree/repo");
  /** Which shell runs the scripts. */
  shell = ["dash"];
  /** The commit of slot a in the beginning, "1". */
  first = "";

  /** Files of /etc of every commit, besides those that each has. */
  private etc: Record<string, string> = {};
  /** It is no container: its commits have a boot part for GRUB. */
  private machine = false;

  /** With one commit in slot a, confirmed; the old system is beside it. `etc`: files of /etc of its commits. */
  static async make(etc: Record<string, string> = {}, machine = false): Promise<Sysroot> {
    const made = new Sysroot();
    Object.assign(made, { etc, machine });
    mkdirSync(made.root);
    mkdirSync(made.scripts);
    const admin = (...args: string[]) => made.ostree(["admin", ...args, `--sysroot=${made.root}`]);
    await made.ostree(["admin", "init-fs", "--modern", made.root]);
    await admin("os-init", "pine");
    await made.ostree(["config", `--repo=${made.repo}`, "set", "sysroot.bootloader", "none"]);
    await made.ostree(["config", `--repo=${made.repo}`, "set", "core.fsync", "false"]);
    const first = await made.commit("1");
    made.first = first;
    await admin("deploy", "--os=pine", first);
    mkdirSync(made.slots, { recursive: true });
    const options = containerOptions({ checksum: first, serial: 0 });
    const kernel = readdirSync(join(made.root, "boot/ostree"))[0]!;
    const linux = `/boot/ostree/${kernel}/vmlinuz-0-container`;
    const machines = { uuid: "1-2", initrd: linux, part: `part-${first.slice(0, 16)}` };
    const slot = { uuid: "", title: "Pine 1", linux, initrd: "", options, ...(machine ? machines : {}) };
    writeFileSync(join(made.slots, "a.cfg"), slotFile(slot));
    writeFileSync(join(made.slots, "env"), envBlock({ slot: "a" }));
    writeFileSync(join(made.slots, "install"), `id=i\nstack=s\nurn=u\nmethod=${machine ? "alongside" : "container"}\n`);
    if (machine) {
      plant(made.slots, { [`${machines.part}/grub.cfg`]: bootPart("1"), [`${machines.part}/core`]: "core 1\n" });
      writeFileSync(join(made.scripts, "machine"), "");
    }
    writeFileSync(join(made.scripts, "pine"), agentScript());
    mkdirSync(join(made.scripts, "bin"));
    return made;
  }

  ostree(args: string[]): Promise<RunResult> {
    return run("unshare", ["--map-root-user", "ostree", ...args]);
  }

  /**
   * A commit whose content is its name; `kernel` false: one that OSTree cannot deploy. In another repository with
   * `repo`.
   */
  async commit(name: string, o: { kernel?: boolean; repo?: string } = {}): Promise<string> {
    const tree = join(this.dir, `tree-${name}`);
    rmSync(tree, { recursive: true, force: true });
    for (const folder of FOLDERS) mkdirSync(join(tree, folder), { recursive: true });
    for (const [link, target] of Object.entries(LINKS)) symlinkSync(target, join(tree, link));
    // a shell of its own: nothing of this machine is bound into a deployment that may be removed
    for (const file of [busybox(), ...libraries()]) {
      mkdirSync(join(tree, dirname(file)), { recursive: true });
      copyFileSync(file, join(tree, file));
    }
    for (const applet of APPLETS) symlinkSync("busybox", join(tree, "usr/bin", applet));
    writeFileSync(join(tree, "usr/etc/release"), `${name}\n`);
    if (this.machine) plant(join(tree, "usr/lib/pine/boot"), { "grub.cfg": bootPart(name), core: `core ${name}\n` });
    plant(join(tree, "usr/etc"), this.etc);
    writeFileSync(join(tree, "usr/etc/os-release"), `ID=pine\nPRETTY_NAME=Pine\nVERSION=${name}\n`);
    if (o.kernel !== false) writeFileSync(join(tree, "usr/lib/modules/0-container/vmlinuz"), `Not a kernel: ${name}\n`);
    const args = [
      "commit",
      `--repo=${o.repo ?? this.repo}`,
      "--orphan",
      "--owner-uid=0",
      "--owner-gid=0",
      "--no-xattrs",
    ];
    return (await this.ostree([...args, `--tree=dir=${tree}`])).stdout.trim();
  }

  /** Runs a script of root's in a booted slot. */
  async on(
    slot: SlotName,
    script: string,
    args: string[],
    o: {
      trial?: boolean;
      /** More arguments of the kernel. */
      more?: string;
      input?: string | Uint8Array;
      ok?: number[];
      freeKib?: number;
      freeInodes?: number;
      signal?: AbortSignal;
      /** ms */
      timeout?: number;
    } = {},
  ) {
    const options = /pine_options="(.*)"/.exec(readFileSync(join(this.slots, `${slot}.cfg`), "utf8"))![1]!;
    const deployment = /deploy\/([^/ ]*)( |$)/.exec(options)![1]!;
    writeFileSync(join(this.scripts, "run"), script);
    const line = `${options} pine.slot=${slot}${o.trial ? " pine.trial=1" : ""} ${o.more ?? ""}`;
    const room = [String(o.freeKib), String(o.freeInodes ?? "")];
    const how = o.freeKib === undefined ? [BOOT, "sh", this.root] : [IN_ROOM, "sh", this.root, ...room];
    const boot = [...NAMESPACE, "sh", "-c", ...how, deployment, line, this.scripts];
    const [file, ...rest] = [...boot, ...this.shell, "/run/scripts/run", ...args];
    const done = await run(file!, rest, {
      input: o.input,
      ok: o.ok ?? [0],
      timeout: o.timeout ?? 150_000,
      signal: o.signal,
      env: { ...process.env, BOOT } as Record<string, string>,
    });
    if (o.freeKib !== undefined) {
      rmSync(this.root, { recursive: true });
      renameSync(`${this.root}.after`, this.root);
    }
    return done;
  }

  /** The agent, as the provider sends it. */
  pine(
    slot: SlotName,
    args: string[],
    o: { trial?: boolean; ok?: number[]; freeKib?: number; freeInodes?: number } = {},
  ): Promise<RunResult> {
    return this.on(slot, agentScript(), args, o);
  }

  get env() {
    return parseEnvBlock(readFileSync(join(this.slots, "env")));
  }

  /** What each slot would start: the content of its deployment, where that and its kernel are whole. */
  bootable(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const slot of ["a", "b"]) {
      const file = join(this.slots, `${slot}.cfg`);
      if (!existsSync(file)) continue;
      const text = readFileSync(file, "utf8");
      const deployment = join(this.root, /ostree=(\S*)/.exec(text)![1]!);
      const kernel = join(this.root, /pine_linux="(.*)"/.exec(text)![1]!);
      if (!existsSync(join(deployment, "usr/etc/release"))) continue;
      const name = readFileSync(join(deployment, "usr/etc/release"), "utf8").trim();
      if (this.machine && this.part(text) !== `${bootPart(name)}core ${name}\n`) continue;
      if (existsSync(kernel) && readFileSync(kernel, "utf8") === `Not a kernel: ${name}\n`) found[slot] = name;
    }
    return found;
  }

  /** The files of the boot part that a slot's text names, one after the other. */
  private part(text: string): string {
    const at = join(this.slots, /^set pine_part="(.*)"$/m.exec(text)?.[1] ?? "none");
    const files = ["grub.cfg", "core"].map((f) => join(at, f));
    return files.map((f) => (existsSync(f) ? readFileSync(f, "utf8") : "")).join("");
  }

  /** Contents of all deployments on the disk, in order. */
  deployments(): string[] {
    const folder = join(this.root, "ostree/deploy/pine/deploy");
    const names = readdirSync(folder).filter((name) => !name.endsWith(".origin"));
    return names.map((name) => readFileSync(join(folder, name, "usr/etc/release"), "utf8").trim()).sort();
  }

  async has(commit: string): Promise<boolean> {
    const { stdout } = await this.ostree(["refs", `--repo=${this.repo}`]);
    expectText(stdout);
    return existsSync(join(this.repo, "objects", commit.slice(0, 2), `${commit.slice(2)}.commit`));
  }

  /** What is on its disk now, as a system of its own. */
  copy(): Sysroot {
    const made = new Sysroot();
    const { shell, first, etc, machine } = this;
    Object.assign(made, { shell, first, etc, machine });
    mkdirSync(made.scripts);
    execFileSync("cp", ["-a", this.root, made.root]);
    return made;
  }

  async end(): Promise<void> {
    await run("chattr", ["-R", "-f", "-i", this.dir], { ok: [0, 1] });
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function expectText(text: string): void {
  if (!text.includes("ostree/")) throw new Error("no deployment has a ref");
}
