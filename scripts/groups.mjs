/** The groups of tests: their files, and what of the set-up they need. */
const everything = ["debian", "npm", "pulumi", "plugin"];

export const GROUPS = {
  unit: { include: ["test/unit/**/*.test.{ts,mjs}"], setUp: ["debian", "npm"] },
  rpc: { include: ["test/rpc/**/*.test.ts"], setUp: everything },
  rootfs: { include: ["test/e2e/rootfs*.test.ts"], setUp: everything },
  commit: { include: ["test/e2e/commit*.test.ts"], setUp: everything },
  image: { include: ["test/e2e/image*.test.ts"], setUp: everything },
  hijack: {
    include: ["test/e2e/hijack*.test.ts"],
    exclude: ["test/e2e/hijack-cuts.test.ts", "test/e2e/hijack-life.test.ts"],
    setUp: everything,
  },
  // a server's whole life by the plain CLI, power cuts and Ctrl-C: only when named, until they have passed often enough
  life: { include: ["test/e2e/hijack-life.test.ts"], setUp: everything, named: true },
  // a disk written over: only when named, for the same reason
  overwrite: { include: ["test/e2e/overwrite*.test.ts"], setUp: everything, named: true },
  cuts: { include: ["test/e2e/hijack-cuts.test.ts"], setUp: everything, named: true },
};

/** Groups that build systems and run machines: long, and few at a time. */
export const LONG = ["rootfs", "commit", "image", "hijack", "life", "overwrite", "cuts"];
