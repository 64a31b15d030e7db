/**
 * Ways to break a trial on the server itself, between the moment it is armed and its boot; and to see from outside what
 * happens then.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../provider/errors.ts";
import { cpio } from "../../provider/image/initramfs/cpio.ts";
import { answers } from "../lab/vps/serial.ts";
import type { Vps } from "../lab/vps/vps.ts";
import { on } from "./hijack-lab.ts";

/**
 * What is broken: the kernel (cut off, or no kernel at all), a program of the initramfs (another text), or an argument
 * of the kernel's (sed).
 */
export type Sabotage = { kernel: "cut" | "none" } | { initramfs: { path: string; text: string } } | { options: string };

/** Changes a slot's own copy of what it boots: kernel and initramfs are shared between the slots. */
const BREAK = `cfg=/boot/grub/pine/$1.cfg
mkdir -p /boot/broken-$1
path() { sed -n "s/^set pine_$1=\\"\\(.*\\)\\"/\\1/p" $cfg; }
case $2 in
  kernel)
    if [ "$3" = cut ]; then head -c 1000000 "$(path linux)"; else head -c 1000000 /dev/urandom; fi >/boot/broken-$1/vmlinuz
    sed -i "s,^set pine_linux=.*,set pine_linux=\\"/boot/broken-$1/vmlinuz\\"," $cfg
    ;;
  initramfs)
    size=$(stat -c %s "$(path initrd)")
    # the kernel looks for the next archive at a multiple of 4
    { cat "$(path initrd)"; head -c $(((4 - size % 4) % 4)) /dev/zero; cat /run/more.cpio; } >/boot/broken-$1/initrd
    sed -i "s,^set pine_initrd=.*,set pine_initrd=\\"/boot/broken-$1/initrd\\"," $cfg
    ;;
  options) sed -i "s,$3," $cfg ;;
esac
# GRUB does not replay a journal, and a way down may leave one
root=/
[ ! -d /sysroot/ostree ] || root=/sysroot
sync
fsfreeze -f $root
fsfreeze -u $root`;

/** Slot: at once, or (`armed`) by a program left on the server that waits until a trial of it is armed. */
export async function breakSlot(vps: Vps, slot: "a" | "b", what: Sabotage, armed = false): Promise<void> {
  const put = async (path: string, input: string | Uint8Array) => {
    const r = await vps.ssh(`cat >${path}`, { input });
    if (r.exitCode !== 0) die(`${path}: ${r.stderr}`);
  };
  if ("initramfs" in what) {
    const { path, text } = what.initramfs;
    await put("/run/more.cpio", cpio([{ path, type: "file", mode: 0o755, data: Buffer.from(text) }]));
  }
  await put("/run/break.sh", `${BREAK}\n`);
  const [kind, more] = Object.entries(what)[0]!;
  const args = [slot, kind, ...(typeof more === "string" ? [`'${more}'`] : [])].join(" ");
  if (!armed) {
    await on(vps, `sh -eu /run/break.sh ${args}`);
    return;
  }
  await put(
    "/run/wait.sh",
    `while ! grep -q "pine_trial=${slot}" /boot/grub/pine/env; do sleep 0.05; done\nsh -eu /run/break.sh ${args}\n`,
  );
  // a service of its own on Debian, where a login's processes end with it; elsewhere the login ends once it has a
  // session of its own
  await on(
    vps,
    "if command -v systemd-run >/dev/null; then systemd-run --quiet --collect sh /run/wait.sh; else setsid sh /run/wait.sh </dev/null >/dev/null 2>&1 & fi; sleep 2; ps ax | grep -q '[/]run/wait.sh'",
  );
}

/**
 * How often the machine started since `from` on the serial line: its firmware (BIOS) says so once, GRUB on each of its
 * terminals.
 */
export const boots = async (vps: Vps, from: number): Promise<number> =>
  [...(await vps.console()).slice(from).matchAll(/SeaBIOS \(version/g)].length;

/** Watches when the server greets on its SSH port. */
export class Watch {
  private over = false;
  private readonly done: Promise<void>;
  /** Longest time in ms between two greetings. */
  gap = 0;
  constructor(port: number) {
    let last = performance.now();
    this.done = (async () => {
      while (!this.over) {
        if (await answers(port)) {
          const now = performance.now();
          this.gap = Math.max(this.gap, now - last);
          last = now;
        }
        await sleep(250);
      }
    })();
  }
  async end(): Promise<number> {
    this.over = true;
    await this.done;
    return this.gap / 1000;
  }
}
