/** Pine's plugin for Pulumi. Imports resources when first used, because every `pulumi` command waits for its start. */
import { assetText } from "./assets.ts";
import { checkConfig, comparable, configure } from "./rpc/config.ts";
import { serve } from "./rpc/serve.ts";

const [command, ...args] = process.argv.slice(2);

const plugin = () =>
  serve({
    schema: () => assetText("schema.json"),
    resources: {
      "pine:index:Rootfs": async () => (await import("./resources/rootfs/rootfs.ts")).rootfs,
      "pine:index:OstreeCommit": async () => (await import("./resources/commit/commit.ts")).ostreeCommit,
      "pine:index:DiskImage": async () => (await import("./resources/images/disk-image.ts")).diskImage,
      "pine:index:ContainerTemplate": async () =>
        (await import("./resources/images/container-template.ts")).containerTemplate,
      "pine:index:HostHijack": async () => (await import("./resources/hijack/host-hijack.ts")).hostHijack,
      "pine:index:Ring": async () => (await import("./resources/ring/ring.ts")).ring,
    },
    components: {
      "pine:index:Fleet": async () => (await import("./resources/fleet/fleet.ts")).fleet,
    },
    functions: {
      "pine:index:getHostFacts": async () => (await import("./resources/facts/get-host-facts.ts")).getHostFacts,
      "pine:index:resolvePackages": async () =>
        (await import("./resources/rootfs/resolve-packages.ts")).resolvePackages,
    },
    checkConfig,
    comparable,
    configure,
  });

const HELP = `Pulumi starts pulumi-resource-pine. You can also run these commands:
  serve FOLDER [PORT]                  serves a published folder by http on 127.0.0.1, to try it
  summary FOLDER                       tells what a published folder offers: branches, commits, who signed, deltas
  fsck [--delete] [STORE [CACHE]]      checks that nothing in a store (default .pine) was damaged; exit code 1 when something was.
                                       --delete: what is damaged counts as missing, and the next \`pulumi up\` makes it again
`;
const commands: Record<string, () => Promise<unknown>> = {
  serve: async () => (await import("./commands/serve.ts")).serveCommand(args),
  summary: async () => (await import("./commands/summary.ts")).summaryCommand(args),
  fsck: async () => (await import("./commands/fsck.ts")).fsckCommand(args, configure({}).cache),
  help: async () => process.stdout.write(HELP),
};

// no command: Pulumi gives an address or flags
const begun = Object.hasOwn(commands, command ?? "") ? commands[command!]!() : plugin();
begun.catch((error) => {
  process.stderr.write(`pine: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
