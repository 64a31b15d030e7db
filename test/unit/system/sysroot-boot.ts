/** How a slot of a made-up system is booted by namespaces (sysroot-tools.ts). */

/** Root of a namespace is enough: everything belongs to it. */
export const NAMESPACE = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"];

/**
 * A deployment as the root, with this machine's programs in /usr; $1 physical root, $2 deployment, $3 kernel's
 * arguments, $4 folder with the scripts.
 */
export const BOOT = `set -eu
physical=$1 root=$1/ostree/deploy/pine/deploy/$2 arguments=$3 scripts=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$root/../../var" "$root/var"
# never to be written: what is bound here is this machine's own
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
# a power cut is none of this: the disk is that of everybody on this machine
mount --bind /usr/bin/true "$root/usr/bin/sync"
mount --bind "$physical" "$root/sysroot"
mount --bind "$root/sysroot/boot" "$root/boot"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero urandom; do : >"$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
: >"$root/run/ostree-booted"
echo "$arguments" >"$root/run/pine.cmdline"
mkdir "$root/run/scripts"
mount --bind "$scripts" "$root/run/scripts"
if [ -e "$scripts/machine" ]; then
  mv "$root/run/pine.cmdline" "$root/run/pine.arguments"
  mount --bind "$root/run/pine.arguments" "$root/proc/cmdline"
  # only the kernel's own root may call it
  mount --bind /usr/bin/true "$root/usr/sbin/fsfreeze"
fi
exec chroot "$root" "$@"`;

/**
 * The same on a file system in memory with so many KiB free, and so many inodes where a number is given; what is there
 * afterwards comes back as `<physical>.after`. $1 physical root, $2 KiB, $3 inodes.
 */
export const IN_ROOM = `set -eu
physical=$1 kib=$2 inodes=$3 memory=$1.memory
shift 3
mount --make-rprivate /
mkdir -p "$memory"
mount -t tmpfs -o size=1g tmpfs "$memory"
cp -a "$physical/." "$memory/"
used=$(df -kP "$memory" | awk 'NR == 2 { print $3 }')
[ -z "$inodes" ] || inodes=,nr_inodes=$(($(df -iP "$memory" | awk 'NR == 2 { print $3 }') + inodes))
# not the options that it has: in a user namespace its owner's uid is none of those
mount --options-source=disable -o "remount,size=$((used + kib))k$inodes" "$memory"
code=0
unshare --mount sh -c "$BOOT" sh "$memory" "$@" || code=$?
cp -a "$memory" "$physical.after"
exit $code`;
