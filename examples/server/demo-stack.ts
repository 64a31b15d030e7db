/** The demo's stack: runs program.ts through the Automation API, with previews from `pulumi preview --json`. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as auto from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import type { ServerArgs } from "./program.js";

const repository = join(import.meta.dirname, "..", "..");

export interface Outputs {
  booted: { checksum: string; slot: string; bootId: string };
  /** Bytes of the last transfer. */
  sent: number;
  image?: string;
  changes: number;
}

interface PreviewJson {
  steps?: { op: string; urn: string; newState?: { outputs?: Record<string, unknown> } }[];
  diagnostics?: { urn?: string; message: string; severity: string }[];
  changeSummary?: Record<string, number>;
}

export async function demoStack(o: {
  work: string;
  provider: { mirror: string; keys: Record<string, string> };
  server: ServerArgs & { connection: { privateKey: string } & Record<string, unknown> };
  /** The file of the server's private key. */
  keyFile: string;
  say: (line: string) => void;
}) {
  await mkdir(join(o.work, "state"));
  const server: ServerArgs = o.server;
  let asJson = false;
  const cli = await auto.PulumiCommand.get();
  const withRun = cli as unknown as { run(args: string[], ...rest: unknown[]): Promise<{ stdout: string }> };
  const run = withRun.run.bind(cli);
  withRun.run = (args, ...rest) => run(asJson && args[0] === "preview" ? [...args, "--json"] : args, ...rest);

  const stack = await auto.LocalWorkspace.createOrSelectStack(
    {
      projectName: "demo",
      stackName: "demo",
      program: async () => (await import("./program.ts")).server("web-1", server),
    },
    {
      workDir: o.work,
      pulumiCommand: cli,
      projectSettings: {
        name: "demo",
        runtime: "nodejs",
        backend: { url: `file://${join(o.work, "state")}` },
        plugins: { providers: [{ name: "pine", path: join(repository, "bin") }] },
      } as auto.ProjectSettings,
      envVars: {
        PULUMI_CONFIG_PASSPHRASE: randomBytes(16).toString("hex"),
        PULUMI_HOME: join(o.work, "home"),
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    },
  );
  await stack.setAllConfig({
    "pine:store": { value: join(o.work, "store") },
    "pine:mirror": { value: o.provider.mirror },
    "pine:repositoryKeys": { value: JSON.stringify(o.provider.keys) },
  });

  const told = (text: string) => {
    for (const line of text.split("\n"))
      if (line.trim() && !/^[ @.]*(updating|refreshing|destroying)?[ .@]*$/.test(line)) o.say(line.trimEnd());
  };
  const outputs = async (changes: number): Promise<Outputs> => {
    const out = await stack.outputs();
    return { booted: out.booted?.value, sent: out.sent?.value, image: out.image?.value, changes };
  };
  const changed = (summary: auto.UpdateSummary) =>
    Object.entries(summary.resourceChanges ?? {}).reduce((n, [op, count]) => (op === "same" ? n : n + (count ?? 0)), 0);

  return {
    server,
    publicKey: (await execa("ssh-keygen", ["-y", "-f", o.keyFile])).stdout,

    /** Everything here comes out of `pulumi preview --json`. */
    async preview() {
      asJson = true;
      try {
        const { stdout } = await stack.preview();
        const json = JSON.parse(stdout) as PreviewJson;
        const name = (urn = "") => urn.split("::").slice(2).join(" ");
        const plans = (json.steps ?? []).filter((s) => s.op !== "same").map((s) => `${s.op} ${name(s.urn)}`);
        const notes = (json.diagnostics ?? []).map((d) => `${name(d.urn)}: ${d.message.trim()}`);
        const lines = [...plans, ...notes.flatMap((n) => n.split("\n"))];
        return { lines, text: lines.join("\n"), counts: json.changeSummary ?? {}, json };
      } finally {
        asJson = false;
      }
    },
    async up(): Promise<Outputs> {
      const result = await stack.up({ onOutput: told, color: "never" });
      return outputs(changed(result.summary));
    },
    /** Runs an `up` that must fail. Returns what Pulumi said. */
    async failingUp(): Promise<{ text: string; reasons: string[] }> {
      try {
        await stack.up({ color: "never" });
      } catch (error) {
        const text = String(error);
        const reasons = text.split("\n").filter((l) => /commit|health|error:|^\s*\* /.test(l));
        return { text, reasons: [...new Set(reasons.map((l) => l.trim()))] };
      }
      throw new Error("an update that breaks the web server was accepted");
    },
    async refresh(): Promise<Outputs> {
      await stack.refresh({ onOutput: told, color: "never" });
      const state = await stack.exportStack();
      const hijack = state.deployment.resources.find((r: { type: string }) => r.type === "pine:index:HostHijack");
      return { booted: hijack.outputs.booted, sent: hijack.outputs.sent, changes: 0 };
    },
    async destroy(): Promise<void> {
      await stack.destroy({ onOutput: told, color: "never" });
    },
    async unpack(image: string, folder: string): Promise<string> {
      const disk = join(folder, "disk.raw");
      const zstd = execa("zstd", ["-dc", image], { stdout: "pipe", buffer: false });
      zstd.stdout?.pipe(createWriteStream(disk));
      await zstd;
      return disk;
    },
  };
}
