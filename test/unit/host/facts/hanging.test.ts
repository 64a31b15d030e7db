/**
 * The facts script beside a mount that never answers (ansible/ansible#25046): FUSE, whose program is there and silent.
 * Real, in a mount namespace.
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { expect, it } from "vitest";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { factsScript } from "../../../../provider/host/scripts.ts";

/**
 * /boot, /mnt and /usr/local hang: the shell holds the other end of FUSE and never reads it. Ends by taking both away.
 */
const HANG = `
# a shell looks for programs in /usr/local too
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --make-rprivate / && mkdir -p /run/pine-hang && mount -t tmpfs tmpfs /run/pine-hang || exit 9
exec 3<>/dev/fuse 4<>/dev/fuse 5<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hang /mnt || exit 9
mount -i -t fuse -o fd=4,rootmode=40000,user_id=0,group_id=0 hang /boot || exit 9
mount -i -t fuse -o fd=5,rootmode=40000,user_id=0,group_id=0 hang /usr/local || exit 9
! timeout -s KILL 1 stat -f /boot >/dev/null 2>&1 || exit 8
# as a container's: nobody has its uid, and systemd's NSS looks for that in /usr/local/lib/userdb
setpriv --reuid 1234567 --clear-groups sleep 200 </dev/null >/dev/null 2>&1 3<&- 4<&- 5<&- &
`;

/** Its device may be root's alone. */
const usable = (() => {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
})();

// FUSE is the kernel's, and not in every one
it.skipIf(!existsSync("/dev/fuse")).each(["dash", "busybox sh"])(
  "%s: what hangs is left out, and the rest is told",
  (shell) => {
    const [file, ...before] =
      process.getuid?.() === 0 ? ["unshare"] : usable ? ["unshare", "-r"] : ["sudo", "-n", "unshare"];
    const args = [
      ...before,
      "-m",
      "sh",
      "-c",
      `${HANG}${shell} -s nobody 3<&- 4<&- 5<&-; umount -l /boot /mnt /usr/local; kill $!`,
    ];
    const stdout = execFileSync(file!, args, { input: storage(), encoding: "utf8", timeout: 120_000 });
    const lines = factLines(stdout);
    expect(lines.get("mount")?.filter((l) => l.includes(" - fuse hang"))).toHaveLength(3);
    expect(lines.get("statfs")?.map((l) => l.split(" ").pop())).toEqual(["/"]);
    expect(lines.has("block")).toBe(true);
  },
  300_000,
);

/** The functions of the script, and its part on disks: what reads GRUB's folder is not of this test. */
const storage = () => factsScript().replace(/\nidentity\n[\s\S]*$/, "\nstorage\n");
