/** The groups of tests: their files, and what of the set-up they need. */
const everything = ["debian", "npm", "pulumi", "plugin"];

export const GROUPS = {
  unit: { include: ["test/unit/**/*.test.{ts,mjs}"], setUp: ["debian", "npm"] },
  rpc: { include: ["test/rpc/**/*.test.ts"], setUp: everything },
  rootfs: { include: ["test/e2e/rootfs*.test.ts"], setUp: everything },
  commit: { include: ["test/e2e/commit*.test.ts"], setUp: everything },
  image: { include: ["test/e2e/image*.test.ts"], setUp: everything },
  hijack: { include: ["test/e2e/hijack*.test.ts"], setUp: everything },
  // a server's reinstalls and imports, two who want it, its end; and several servers in one up: until they have passed often enough
  reinstall: { include: ["test/e2e/{reinstall,import}.test.ts"], setUp: everything, named: true },
  many: { include: ["test/e2e/many.test.ts"], setUp: everything, named: true },
};

/** Groups that build systems and run machines: long, and few at a time. */
export const LONG = ["rootfs", "commit", "image", "hijack", "reinstall", "many"];
