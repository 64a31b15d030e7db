/** The groups of tests: their files, and what of the set-up they need. */
const everything = ["debian", "npm", "pulumi", "plugin"];
const file = (name) => `test/e2e/${name}.test.ts`;

/** Files that run only when their group is named: long, or not yet passed often enough to be everybody's. */
const NAMED = {
  // a shorter life on each Debian of the lab: hours without KVM
  releases: [file("hijack-releases")],
  // a server's reinstalls and imports, two who want it, its end
  reinstall: [file("reinstall"), file("import")],
  // a disk written over, cut off and gone on with
  overwrite: [file("overwrite")],
  // four servers in one `up`
  many: [file("hijack-many")],
};

export const GROUPS = {
  unit: { include: ["test/unit/**/*.test.{ts,mjs}"], setUp: ["debian", "npm"] },
  rpc: { include: ["test/rpc/**/*.test.ts"], setUp: everything },
  rootfs: { include: [file("rootfs*")], setUp: everything },
  commit: { include: [file("commit*")], setUp: everything },
  image: { include: [file("image*")], setUp: everything },
  hijack: { include: [file("hijack*")], exclude: Object.values(NAMED).flat(), setUp: everything },
  ...Object.fromEntries(
    Object.entries(NAMED).map(([name, include]) => [name, { include, setUp: everything, named: true }]),
  ),
};

/** Groups that build systems and run machines: long, and few at a time. */
export const LONG = Object.keys(GROUPS).filter((name) => !["unit", "rpc"].includes(name));
