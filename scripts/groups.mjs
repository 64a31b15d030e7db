/** The groups of tests: their files, and the steps of the set-up that they need. */
const everything = ["debian", "npm", "pulumi", "plugin"];
const file = (name) => `test/e2e/${name}.test.ts`;

export const GROUPS = {
  unit: { include: ["test/unit/**/*.test.{ts,mjs}"], setUp: ["debian", "npm"] },
  rpc: { include: ["test/rpc/**/*.test.ts"], setUp: everything },
  rootfs: { include: [file("rootfs*")], setUp: everything },
  commit: { include: [file("commit*")], setUp: everything },
  // our entries in a real GRUB, with the old system's settings
  grub: { include: [file("grub*")], setUp: ["debian", "npm"] },
  image: { include: [file("image*")], setUp: everything },
  // a container of LXC
  container: { include: ["life", "sysroot"].map((n) => file(`container-${n}`)), setUp: everything },
  hijack: { include: [file("hijack*")], exclude: [file("hijack-refusals")], setUp: [...everything, "tun"] },
  // a disk written over
  overwrite: { include: [file("overwrite")], setUp: everything },
  // a group of servers whose reboot lock is in etcd, or behind FleetLock's protocol
  turn: { include: [file("turn-etcd"), file("turn-fleetlock")], setUp: ["debian", "npm"] },
  // updates with Alpine's own programs
  updates: { include: [file("updates-alpine")], setUp: ["debian", "npm"] },
  // run only when named: they are long, or have not passed often enough yet
  // a short life on each Debian of the lab, on UEFI, and on other file systems and partitions
  alongside: { include: [file("alongside*")], setUp: everything, named: true },
  // every kind of login, and the messages for those that cannot become root
  logins: { include: [file("logins")], setUp: everything, named: true },
  // reinstalls and imports of a server, two runs that want it, and its end
  reinstall: { include: [file("reinstall"), file("import"), file("killed")], setUp: everything, named: true },
  // four servers in one `up`
  many: { include: [file("many")], setUp: everything, named: true },
  // other containers, those with fewer rights, one that loses its old system, whole templates that are started, and
  // the lab's own
  containers: {
    include: ["lab", "lives", "finalize", "refusals", "returning", "template", "template-boot"].map((n) =>
      file(`container-${n}`),
    ),
    setUp: everything,
    named: true,
  },
  // a container that dies at random moments of install, update and restore
  kills: { include: [file("container-kills")], setUp: everything, named: true },
  // other runs and power cuts while a disk is overwritten
  cuts: { include: [file("overwrite-cuts")], setUp: everything, named: true },
  // every way back from a system that does not come up
  returning: { include: [file("returning")], setUp: everything, named: true },
  // updates of a server with an overwritten disk
  "overwrite-life": { include: [file("overwrite-life"), file("overwrite-boot")], setUp: everything, named: true },
  // every fault of a boot part, in GRUB and in a container
  "boot-parts": { include: [file("boot-parts*")], setUp: everything, named: true },
  // the lab's disk that drops what was not flushed
  disk: { include: [file("disk")], setUp: ["debian", "npm"], named: true },
  // disk images of every format, partition table and layout, grown and updated, on every kind of disk
  disks: { include: [file("disks*")], setUp: everything, named: true },
  // the same on Consul, which is built first, and what has to hold on each store
  queue: {
    include: ["consul", "faults", "holders", "resolver", "resolver-kills", "rolling", "slow", "verdicts"].map((name) =>
      file(`turn-${name}`),
    ),
    setUp: ["debian", "npm"],
    named: true,
  },
  // a machine that hangs outside of trials
  watchdog: { include: [file("watchdog")], setUp: everything, named: true },
  // servers that look after themselves
  fleet: { include: [file("fleet*")], setUp: everything, named: true },
  // commits that boot here before a server is touched
  rehearsal: { include: [file("rehearsal*")], setUp: everything, named: true },
  // servers that Pine refuses
  refusals: { include: [file("refusals"), file("hijack-refusals")], setUp: everything, named: true },
};

/** Groups that build systems and run machines: long, and few at a time. */
export const LONG = Object.keys(GROUPS).filter((name) => !["unit", "rpc"].includes(name));

/** Files of the default groups that take longest, the longest first: one that begins last leaves a core idle. */
export const FIRST = [
  "test/rpc/fleet.test.ts",
  "test/rpc/fleet-cut.test.ts",
  ...["stops", "upgrade", "upgrade-apart", "migrated-data", "pull-damage", "upgrade-full", "trials", "good-slots"].map(
    (name) => `test/unit/system/${name}.test.ts`,
  ),
  ...["pull-cut", "trials-full", "health-runs", "upgrade-waits", "pull", "trial-world", "upgrade-moment"].map(
    (name) => `test/unit/system/${name}.test.ts`,
  ),
  "test/unit/rehearsal/guest-script.test.ts",
  "test/rpc/cli.test.ts",
  ...["hijack-life", "overwrite", "container-life", "hijack-cuts", "hijack-connection", "hijack-network"].map(file),
  ...["commit-ssh", "commit-damage", "image-classic", "rootfs-failures", "image", "rootfs-life"].map(file),
  ...["turn-etcd", "hijack-network-boots", "commit-publish", "grub", "rootfs-swept", "rootfs-whole", "commit"].map(
    file,
  ),
];
