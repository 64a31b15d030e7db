/** The groups of tests: their files, and what of the set-up they need. */
const everything = ["debian", "npm", "pulumi", "plugin"];

export const GROUPS = {
  unit: { include: ["test/unit/**/*.test.{ts,mjs}"], setUp: ["debian", "npm"] },
  rpc: { include: ["test/rpc/**/*.test.ts"], setUp: everything },
  rootfs: { include: ["test/e2e/rootfs*.test.ts"], setUp: everything },
  commit: { include: ["test/e2e/commit*.test.ts"], setUp: everything },
  image: { include: ["test/e2e/image*.test.ts"], setUp: everything },
  hijack: { include: ["test/e2e/hijack*.test.ts"], setUp: everything },
  // a short life on each Debian of the lab: only when named, more than an hour without KVM
  releases: { include: ["test/e2e/releases.test.ts"], setUp: everything, named: true },
};

/** Groups that build systems and run machines: long, and few at a time. */
export const LONG = ["rootfs", "commit", "image", "hijack", "releases"];
