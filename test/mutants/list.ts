/** The mutants. Each came from a review, or from a fault that no test had noticed. */
import type { Mutant } from "./mutant.ts";

export const MUTANTS: Mutant[] = [
  {
    name: "packages' scripts run with the rights of who made the mounts",
    file: "provider/system/build/enter.sh",
    from: "exec nsenter --user=/proc/self/fd/9 unshare",
    to: "exec unshare",
    tests: ["test/e2e/rootfs-hostile.test.ts"],
  },
  {
    name: "/proc of a build can be written",
    file: "provider/system/build/enter.sh",
    from: 'readonly_mount "$PWD/proc"\n',
    to: "",
    tests: ["test/e2e/rootfs-hostile.test.ts"],
  },
  {
    name: "what is built has our terminal",
    file: "provider/system/build/contain.sh",
    from: 'setsid "$@" <&3',
    to: '"$@" <&3',
    tests: ["test/e2e/rootfs-hostile.test.ts"],
  },
  {
    name: "builds with a network",
    file: "provider/image/namespace.ts",
    from: '"--mount", "--pid", "--net", "--ipc"',
    to: '"--mount", "--pid", "--ipc"',
    tests: ["test/e2e/rootfs-hostile.test.ts"],
  },
  {
    name: "the plugin listens on every address",
    file: "provider/rpc/serve.ts",
    from: `"127.0.0.1:0"`,
    to: `"0.0.0.0:0"`,
    tests: ["test/rpc/process.test.ts"],
  },
];
