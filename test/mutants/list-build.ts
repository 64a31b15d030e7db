/** Mutants of the build machine: what Pines share, what a power cut leaves, what mirrors, storages and servers send. */
import type { Mutant } from "./mutant.ts";

export const BUILD_MUTANTS: Mutant[] = [
  {
    name: "who is alive is asked by pid alone",
    file: "provider/holder.ts",
    from: "if (!me.boot || h.boot !== me.boot || !me.namespace || h.namespace !== me.namespace) return undefined;",
    to: "",
    tests: ["test/unit/holder.test.ts"],
  },
  {
    name: "a collection takes what was found and is about to be used",
    file: "provider/image/grace.ts",
    from: "  return store.withLock(task, () => makeYoung(paths), ",
    to: "  return store.withLock(task, async () => true, ",
    tests: ["test/unit/image/gc.test.ts"],
  },
  {
    name: "zeros in a tree of the cache",
    file: "provider/image/kept-tree.ts",
    from: 'await readFile(join(path, at)).then(sha256, notOurs(""))',
    to: '""',
    tests: ["test/unit/image/whole.test.ts"],
  },
  {
    name: "bills of materials that nobody reads",
    file: "provider/image/rootfs-record.ts",
    from: "for (const path of [spdx, cyclonedx]) if (",
    to: "for (const path of [] as string[]) if (",
    tests: ["test/unit/image/stored.test.ts"],
  },
  {
    name: "a package's data may unpack to anything",
    file: "provider/image/mirror.ts",
    from: "  await checkDataSize(body, info, url);\n",
    to: "",
    tests: ["test/unit/image/limits.test.ts"],
  },
  {
    name: "a storage sends us elsewhere",
    file: "provider/image/publish-s3.ts",
    from: "        refuseRedirect(answer, this.o.endpoint);\n",
    to: "",
    tests: ["test/unit/image/publish-s3-hostile.test.ts"],
  },
  {
    name: "a storage's list without end",
    file: "provider/image/publish-s3.ts",
    from: "if (seen.has(next) || empty > 100 || count > this.limits.keys)",
    to: "if (empty > 100 || count > this.limits.keys)",
    tests: ["test/unit/image/publish-s3-hostile.test.ts"],
  },
  {
    name: "a published file longer than it was listed",
    file: "provider/host/publish-ssh.ts",
    from: 'if (kind === "" && size === listed) return true;',
    to: 'if (kind === "") return true;',
    tests: ["test/unit/host/publish-hostile.test.ts"],
  },
  {
    name: "root publishes with its own rights",
    file: "provider/system/host/as-owner.sh",
    from: 'if [ "$uid" = 0 ]; then\n',
    to: 'exec sh -c "$script" publish.sh "$command" . "$@"\nif [ "$uid" = 0 ]; then\n',
    tests: ["test/unit/system/hostile-publish.test.ts"],
  },
  {
    name: "what a commit lacks of what was asked for",
    file: "provider/image/asked-look.ts",
    from: "  if (!missing) return;",
    to: "  if (missing || !missing) return;",
    tests: ["test/e2e/rootfs-asked.test.ts"],
  },
];
