/**
 * The old system of a server that has Pine beside it: how it is booted once more, and what its owner does there
 * meanwhile.
 */
import { die } from "../../provider/errors.ts";
import type { Vps } from "../lab/vps/index.ts";
import { BOOT_MS, on } from "./hijack-lab.ts";

/** A custom.cfg that was there before; without an end to its last line. */
export const CUSTOM = 'menuentry "of the owner" { true; }';

export async function plantCustom(vps: Vps): Promise<void> {
  await on(
    vps,
    `printf '%s' '${CUSTOM}' >/boot/grub/custom.cfg; touch -d 2024-02-03 /boot/grub/custom.cfg; chmod 640 /boot/grub/custom.cfg`,
  );
}

/** GRUB's count of boots that did not complete, as six failed ones would leave it, or none. */
const countBoots = (n: "6" | "") =>
  `f=/boot/grub/pine/env; sed 's/^pine_boots=.*/pine_boots=${n}/' $f | cat - $f | head -c 1024 >/run/env.new && dd if=/run/env.new of=$f conv=notrunc,fsync 2>/dev/null && sync && { nohup reboot >/dev/null 2>&1 & }`;

async function into(vps: Vps, id: string, count: "6" | ""): Promise<void> {
  await on(vps, countBoots(count));
  for (let tries = 0; tries < 5; tries++) {
    await new Promise((done) => setTimeout(done, 10_000));
    await vps.waitSsh(BOOT_MS);
    if ((await on(vps, ". /etc/os-release; echo $ID")) === id) return;
  }
  die(`the server did not come up as ${id}`);
}

export const bootOld = (vps: Vps) => into(vps, "debian", "6");
export const bootPine = (vps: Vps) => into(vps, "alpine", "");

/**
 * The running kernel once more under another name, as a package with the maintainer scripts of Debian's own: hooks,
 * symlinks, update-grub.
 */
export const NEW_KERNEL = `set -eu
old=$(uname -r) new=99.9-lab work=/var/tmp/kernel
rm -rf $work
hooks=$work/usr/share/initramfs-tools/hooks
mkdir -p $work/DEBIAN $work/boot $work/lib/modules $hooks
# it is the same kernel, and looks for its modules under its own name
printf '#!/bin/sh\n[ "$1" != prereqs ] || exit 0\n[ "$version" != %s ] || ln -s %s "$DESTDIR/lib/modules/%s"\n' $new $new $old >$hooks/lab-kernel
chmod 755 $hooks/lab-kernel
for file in vmlinuz config System.map; do [ ! -e /boot/$file-$old ] || cp /boot/$file-$old $work/boot/$file-$new; done
cp -a /lib/modules/$old $work/lib/modules/$new
for script in preinst postinst prerm postrm; do
  from=/var/lib/dpkg/info/linux-image-$old.$script
  [ ! -e $from ] || { sed "s/$old/$new/g" $from >$work/DEBIAN/$script; chmod 755 $work/DEBIAN/$script; }
done
printf 'Package: linux-image-%s\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: lab\\nDescription: lab\\n' $new >$work/DEBIAN/control
dpkg-deb -Znone -b $work /var/tmp/kernel.deb >/dev/null
rm -rf $work
export PATH=$PATH:/usr/sbin:/sbin
dpkg -i /var/tmp/kernel.deb 2>&1
rm -f /var/tmp/kernel.deb
update-grub 2>&1`;

const OURS = [
  /^\/(ostree|boot\/(ostree|loader|loader\.[01]|boot|grub\/(pine|custom\.cfg\.pine-old|custom\.cfg))|boot\/efi\/EFI\/pine)(\/|$)/,
  /^\/run\/below\/boot\/./,
];

/** A listing of the old system with Pine beside it, as it is to be without: custom.cfg is that of `before`. */
export function withoutPine(now: Map<string, string>, before: Map<string, string>): Map<string, string> {
  const own = [...now].filter(([path]) => !OURS.some((ours) => ours.test(path)));
  const custom = before.get("/boot/grub/custom.cfg") ?? die("no custom.cfg in the listing from before");
  return new Map([...own, ["/boot/grub/custom.cfg", custom]]);
}
