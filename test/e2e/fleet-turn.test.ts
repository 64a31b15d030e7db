/** A server's turn in its group, from a program: a container, and an etcd beside it in its network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NETWORK } from "../lab/lxc/stage.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { on, steps, until } from "./hijack-lab.ts";

const STORE = `http://${NETWORK.gateway}:2379`;
const LOCK = `      hostname: \${hostname}
      rebootLock: { etcd: { address: "${STORE}" }, group: web }
`;
const KEY = "pine/turn/web";
const base64 = (text: string) => Buffer.from(text).toString("base64");

if (!isRoot) asRootBySudo("fleet", import.meta.filename);

if (isRoot) {
  const step = steps(test);
  const data = mkdtempSync(join(tmpdir(), "pine-fleet-etcd-"));
  let lab: ContainerLab;
  const ask = async (path: string, body: object) => {
    const argv = ["curl", "-sS", `${STORE}/v3/kv/${path}`, "-d", JSON.stringify(body)];
    return JSON.parse((await lab.vps.beside.run(argv)).stdout) as { kvs?: { value: string }[] };
  };
  const group = async () => Buffer.from((await ask("range", { key: base64(KEY) })).kvs![0]!.value, "base64").toString();
  const run = (command: string) => on(lab.vps, command);

  beforeAll(async () => {
    lab = await startContainerLab("turn", { release: "bookworm", privileged: false });
    const peer = `http://${NETWORK.gateway}:2380`;
    lab.vps.beside.start(
      "etcd beside it",
      [
        ...["etcd", "--data-dir", data, "--name", "one", "--initial-cluster", `one=${peer}`],
        ...["--listen-client-urls", STORE, "--advertise-client-urls", STORE],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ],
      "ignore",
    );
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the program's own
    lab.project.edit((text) => text.replace("      hostname: ${hostname}\n", LOCK));
  });
  afterAll(async () => {
    await lab?.end();
    rmSync(data, { recursive: true, force: true });
  });

  step("it is taken, and is one of the group", async () => {
    const { output } = await lab.project.ok(["up", "--skip-preview"]);
    expect(output).not.toMatch(/reboot lock cannot be used/);
    expect(await group()).toMatch(/^pine-turn 1\nmember server \d+ 1 0\n$/);
    expect(await run("stat -c %a:%U /var/lib/pine/lock; pine queue")).toMatch(
      /^600:root\ngroup +web at etcd\nstate +free/,
    );
    lab.tell("installed");
  });

  step("a store that the commit has no program for is refused in preview", async () => {
    const [etcd, consul] = ["etcd", "consul"].map((name) => `rebootLock: { ${name}:`) as [string, string];
    lab.project.edit((text) => text.replace(etcd, consul));
    const { exitCode, output } = await lab.project.run(["preview"]);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(
      /rebootLock needs the program curl on the server .*PUT.*add "curl" to `packages` of its Rootfs/s,
    );
    lab.project.edit((text) => text.replace(consul, etcd));
  });

  step("an update has its turn, and says how it ended", async () => {
    await lab.project.set({ page: "another page" });
    expect((await lab.project.ok(["preview"])).output).toMatch(/1 reboot; .*; when it is its turn in group web/);
    const { output } = await lab.project.ok(["up", "--skip-preview"]);
    expect(output).not.toMatch(/the group was not told/);
    const { booted } = await lab.project.server();
    expect(await group()).toMatch(new RegExp(`^good ${booted.checksum} 1 server \\d+$`, "m"));
    expect(await group()).not.toMatch(/^(holder|bad)/m);
    lab.tell("updated");
  });

  step("a trial that the server judges by itself ends its turn, too (zincati#239)", async () => {
    const { fallback } = await lab.project.server();
    const turn = "/usr/libexec/pine/turn";
    await run(`${turn} take ${fallback} && ${turn} check ${fallback}`);
    expect(await group()).toMatch(new RegExp(`^holder server ${fallback} `, "m"));
    await run("/usr/libexec/pine/agent arm a 1 self && /usr/libexec/pine/agent reboot");
    await until("it is confirmed, and the group knows", async () =>
      new RegExp(`^good ${fallback} 1 server `, "m").test(await group()),
    );
    expect(await group()).not.toMatch(/^holder/m);
    expect(await run("/usr/libexec/pine/agent status")).toMatch(/^slot=a$/m);
    lab.tell("judged by itself");
  });

  step("another server has its turn: it waits, is told whom for, and goes when that is over", async () => {
    const now = Math.floor(Date.now() / 1000);
    const other = `holder other ${"e".repeat(64)} ${now} ${now + 3600} update x\n`;
    await ask("put", { key: base64(KEY), value: base64((await group()) + other) });
    await lab.project.set({ page: "a third page" });
    const up = lab.project.start(["up", "--skip-preview"]);
    await up.saw(/waiting for this server's turn: other has its turn since .*`pine queue forget other`/);
    expect(await run("pine status")).toMatch(/^holders +other has its turn since \S+ for commit e{12}/m);
    // nothing is armed while it waits: a reboot by chance tries nothing
    expect(await run("/usr/libexec/pine/agent status")).toMatch(/^trial=\n/m);
    expect(await run("pine queue forget other")).toBe("other counts as down no more.");
    expect((await up.ended).exitCode).toBe(0);
    expect(await run("wget -qO- http://127.0.0.1/")).toBe("a third page");
    lab.tell("waited, and updated");
  });

  step("a commit that fails here stops the group", async () => {
    const { booted } = await lab.project.server();
    await lab.project.set({ webPort: "81" });
    expect((await lab.project.run(["up", "--skip-preview"])).exitCode).not.toBe(0);
    expect(await group()).toMatch(/^bad [0-9a-f]{64} failed server \d+ health check 1 of 1/m);
    expect(await run("pine queue")).toMatch(/^stopped +commit [0-9a-f]{12} failed on server/m);
    const [, commit] = /^bad ([0-9a-f]{64})/m.exec(await group())!;
    expect(commit).not.toBe(booted.checksum);
    await lab.project.set({ webPort: "80" });
    lab.tell("failed, and told");
  });

  step("one that failed elsewhere is not booted here, until a person allows it (pulumi#8209)", async () => {
    await lab.project.set({ page: "a fourth page" });
    const target = ["rootfs", "commit"].flatMap((name) => ["--target", `**::${name}`]);
    await lab.project.ok(["up", "--skip-preview", ...target]);
    const made = (await lab.project.state()).find((r) => r.type === "pine:index:OstreeCommit")!.outputs.checksum;
    const now = Math.floor(Date.now() / 1000);
    const verdict = `bad ${made} failed elsewhere ${now} web: status 500\n`;
    await ask("put", { key: base64(KEY), value: base64((await group()) + verdict) });
    const before = (await lab.project.server()).booted.bootId;
    const { exitCode, output } = await lab.project.run(["up", "--skip-preview"]);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/commit [0-9a-f]{12} failed on elsewhere at .*: web: status 500; failures: 1, allowed: 0/);
    expect((await lab.project.server()).booted.bootId).toBe(before);
    await run(`pine queue allow ${made.slice(0, 12)}`);
    await lab.project.ok(["up", "--skip-preview"]);
    expect((await lab.project.server()).booted.checksum).toBe(made);
    lab.tell("refused, allowed, updated");
  });

  step("destroyed, it is one of the group no more", async () => {
    await lab.project.ok(["destroy", "--skip-preview"]);
    expect(await group()).not.toMatch(/^(member|holder|wait) server/m);
    await until("Debian answers", async () => (await lab.vps.ssh("cat /etc/debian_version")).exitCode === 0);
    lab.tell("given back");
  });
}
