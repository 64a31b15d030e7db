/** The plugin's process: prints its port on 127.0.0.1, and ends in order, whoever asks for it. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { messageOf } from "../errors.ts";
import { CHANNEL } from "./engine.ts";
import type { Provider } from "./provider.ts";
import { ProviderServer } from "./server.ts";

/** Milliseconds for calls to clean up: the engine kills 5 s after its SIGINT (sdk/go/common/util/cmdutil). */
const CLEANUP = 3700;
/** Milliseconds for sending the last answers afterwards; 4 s in all. */
const FLUSH = 250;
const POLL = 2000;

/** Listens on a free port of 127.0.0.1. */
export async function listen(provider: ProviderServer): Promise<{ server: Server; port: number }> {
  const server = new Server(CHANNEL);
  server.addService(ResourceProviderService, provider.implementation());
  const port = await new Promise<number>((done, failed) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, n) =>
      error ? failed(error) : done(n),
    );
  });
  return { server, port };
}

/**
 * Runs a provider as a plugin: `pulumi-resource-pine [flags] [engine's address]`. Without an address it waits for an
 * engine to attach (PULUMI_DEBUG_PROVIDERS=pine:PORT), and outlives it.
 */
export async function serve(description: Provider): Promise<void> {
  const provider = new ProviderServer(description);
  const address = process.argv
    .slice(2)
    .filter((a) => !a.startsWith("-"))
    .pop();
  if (address) provider.connect(address);
  const { server, port } = await listen(provider);

  let leaving = false;
  const leave = async (code: number): Promise<void> => {
    if (leaving) return;
    leaving = true;
    provider.running.abort();
    await provider.running.settled(CLEANUP);
    const force = setTimeout(() => process.exit(code), FLUSH);
    server.tryShutdown(() => {
      clearTimeout(force);
      process.exit(code);
    });
  };
  process.on("SIGINT", () => leave(0));
  process.on("SIGTERM", () => leave(0));
  // The engine may close our output at any time.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  // A failed task that nobody waited for does not end the others; an uncaught exception ends the plugin in order. Only
  // the kind of error is shown: its text may hold the secrets of any call.
  process.on("unhandledRejection", (error) => {
    void provider.note("warning", `a background task failed (${kindOf(error)}); this is a bug in pine`);
  });
  process.on("uncaughtException", (error) => {
    process.stderr.write(`pine: ${kindOf(error)}: this is a bug in pine\n`);
    void leave(1);
  });

  // When the engine was killed, neither Cancel nor a signal comes.
  setInterval(async () => {
    if (leaving || !(await provider.engineGone())) return;
    if (address) await leave(0);
    else provider.running.abort();
  }, POLL).unref();

  process.stdout.write(`${port}\n`);
}

/** An error's name and where it was thrown, without its text. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return "no error";
  const text = messageOf(error);
  const where = (error.stack ?? "").replace(text, "").split("\n").slice(1, 4);
  return [error.name, ...where.map((l) => l.trim())].join(" ");
}
