/** A canary in every secret input of a stack, and where they are looked for at the end. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { run } from "../../provider/local/run.ts";
import type { Lab } from "./hijack-lab.ts";
import {
  type Canaries,
  canary,
  keyCanaries,
  secretsIn,
  secretsInFiles,
  type Watch,
  watchProcesses,
  watchServer,
} from "./hijack-secrets.ts";

export class Planted {
  /** Two texts for the secret file, one after the other. */
  readonly tokens = [canary("token"), canary("token2")];
  /** Two keys that sign commits, as base64. */
  readonly signingKeys = [randomBytes(32), randomBytes(32)].map((b) => b.toString("base64"));
  readonly canaries: Canaries = { password: [canary("password")], token: this.tokens, signingKey: this.signingKeys };
  privateKey = "";
  private readonly control = canary("control");
  private readonly onServer: ReturnType<typeof watchServer>[] = [];
  private watch!: Watch;

  private constructor(private readonly lab: Lab) {}

  /**
   * Every secret input of a connection is given, though the key alone would do: a key of its own, with a passphrase,
   * and a password.
   */
  static async plant(lab: Lab): Promise<Planted> {
    const planted = new Planted(lab);
    const { canaries, tokens } = planted;
    const { project } = lab;
    const phrase = canary("phrase");
    const key = join(lab.work, "vps", "key");
    await run("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", phrase, "-C", "life", "-f", key]);
    const text = readFileSync(key, "utf8");
    const publicKey = readFileSync(`${key}.pub`, "utf8");
    planted.privateKey = text;
    canaries.privateKeyPassword = [phrase];
    canaries.privateKey = keyCanaries(text, publicKey);
    expect(canaries.privateKey.length).toBeGreaterThan(10);
    const r = await lab.vps.ssh("cat >>/root/.ssh/authorized_keys", { input: publicKey });
    expect(r.exitCode).toBe(0);
    const inputs = ["        privateKeyPassword: $", "{phrase}\n        password: $", "{password}\n"].join("");
    project.edit((yaml) => yaml.replace(/ {8}privateKey: .*\n/, (line) => line + inputs));
    const names = ["phrase", "password", "signingKey"];
    const declared = names.map((name) => `  ${name}: { type: string, secret: true }\n`).join("");
    project.edit((yaml) => yaml.replace("resources:\n", (line) => declared + line));
    project.edit((yaml) =>
      yaml.replace(/ {6}rootfs: .*digest\}\n/, (line) => `${line}      signingKey: $\{signingKey}\n`),
    );
    const signingKey = planted.signingKeys[0]!;
    const values = { privateKey: text, phrase, password: canaries.password![0]!, token: tokens[0]!, signingKey };
    for (const [name, value] of Object.entries(values)) await project.secret(name, value);
    planted.watch = watchProcesses({ ...canaries, control: [planted.control] }, () => project.leader);
    return planted;
  }

  /** Watches the server's processes until it reboots. */
  watchServer(): void {
    const all = { ...this.canaries, control: [this.control] };
    this.onServer.push(watchServer(this.lab.vps, all));
  }

  /** Shows both machines a text that must be found, else the watching is worth nothing. */
  async beSeen(): Promise<void> {
    await this.lab.vps.ssh(`sleep 10; : ${this.control}`);
  }

  /** No secret in the state, the logs, the store, the image, or a process. `page`: a text that is in the image. */
  async verdict(page: string): Promise<void> {
    const { canaries, lab, watch } = this;
    const { project, work } = lab;
    expect(secretsIn(await project.simple(["stack", "export"]), canaries)).toEqual([]);
    const open = await project.revealed(["stack", "export"]);
    expect(secretsIn(open, canaries).sort()).toEqual(Object.keys(canaries).sort()); // they are in there
    expect(secretsIn(project.logs.join("\n"), canaries)).toEqual([]);
    for (const folder of ["store", "events", "tmp", ".backend", ".pulumi-home", "examples"])
      expect(await secretsInFiles(join(work, folder), canaries), folder).toEqual([]);
    // what is packed is looked into: the page is found
    expect((await secretsInFiles(join(work, "store", "sysroots"), { page: [page] })).length).toBeGreaterThan(0);

    expect([...watch.found].filter((f) => !f.startsWith("control "))).toEqual([]);
    expect([...watch.found].some((f) => f.startsWith("control in cmdline"))).toBe(true);
    for (const who of [/pulumi-resource-pine/, /^cmdline ssh\0/, /^environ /])
      expect(
        [...watch.seen].some((s) => who.test(s)),
        String(who),
      ).toBe(true);
    const seen = await Promise.all(this.onServer);
    expect(new Set(seen.flatMap((s) => s.found))).toEqual(new Set(["control"]));
    for (const { rounds } of seen) expect(rounds).toBeGreaterThan(5);
  }

  /** Files of the server that hold a secret. */
  async onDisk(): Promise<string> {
    const patterns = Object.values(this.canaries).flat();
    const command = "grep -rlFf /dev/stdin /etc /root /boot /tmp /run /var 2>/dev/null";
    return (await this.lab.vps.ssh(command, { input: patterns.join("\n"), timeout: 600_000 })).stdout;
  }

  async stop(): Promise<void> {
    await this.watch?.stop();
  }
}
