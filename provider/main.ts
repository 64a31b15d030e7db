/** Pine's plugin for Pulumi. Resources are imported when first asked for: the start is what every `pulumi` command pays. */
import { assetText } from "./assets.ts";
import { checkConfig, comparable, configure } from "./rpc/config.ts";
import { serve } from "./rpc/serve.ts";

const [command, ...args] = process.argv.slice(2);

const plugin = () =>
  serve({
    schema: () => assetText("schema.json"),
    resources: {
      "pine:index:Rootfs": async () => (await import("./resources/rootfs.ts")).rootfs,
      "pine:index:OstreeCommit": async () => (await import("./resources/ostreecommit.ts")).ostreeCommit,
      "pine:index:DiskImage": async () => (await import("./resources/diskimage.ts")).diskImage,
      "pine:index:HostHijack": async () => (await import("./resources/hosthijack.ts")).hostHijack,
    },
    functions: {
      "pine:index:getHostFacts": async () => (await import("./resources/hostfacts.ts")).getHostFacts,
      "pine:index:resolvePackages": async () => (await import("./resources/resolvepackages.ts")).resolvePackages,
    },
    checkConfig,
    comparable,
    configure,
  });

const begun = command === "serve" ? import("./image/publish-serve.ts").then((m) => m.serveCommand(args)) : plugin();
begun.catch((error) => {
  process.stderr.write(`pine: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
