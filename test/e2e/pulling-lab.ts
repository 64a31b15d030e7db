/**
 * Containers that pull: a program that publishes what they run, a web server that has it, and, where asked, a store
 * with their reboot lock. Each container has a network of its own, so both are led into each of them; the store has the
 * same address there and here, as with an agent of its own on every machine.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withEnding } from "../lab/ending.ts";
import { type Lxc, type LxcOptions, startLxc } from "../lab/lxc/index.ts";
import { NETWORK } from "../lab/lxc/stage.ts";
import { ensureMirror, serveMirror } from "../lab/mirror/index.ts";
import { childrenOf } from "../lab/processes.ts";
import { serveFolder } from "../lab/web.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import { Project } from "./hijack-cli.ts";
import { configure, giveInputs, teller } from "./hijack-lab.ts";
import { type Published, publish, publishing } from "./pulling-program.ts";
import { GROUP, type LockKind, type LockStore, startLockStore } from "./pulling-store.ts";

/** What a server runs, read from this machine, without anybody there noticing. */
export interface Running {
  /** Nothing while it is off, or has no system yet. */
  commit?: string;
  trial: boolean;
  /** The slot that boots from now on is the one that runs. */
  confirmed: boolean;
}

export interface PullingLab {
  work: string;
  project: Project;
  servers: Record<string, Lxc>;
  store?: LockStore;
  /** What the servers fetch from. */
  url: string;
  tell(line: string): void;
  /** A command on a server, without SSH: nobody is logged in. Any exit code. */
  within(name: string, command: string): Promise<string>;
  status(name: string): Promise<Record<string, string>>;
  /** Publishes what the changed configuration makes, as another machine's `up` would, and lets every look be due. */
  publish(values: Record<string, string | string[]>): Promise<Published>;
  /** Lets time pass for the services that pull: what they wait for, until they look again, is over. */
  hurry(): void;
  running(name: string): Running;
  end(): Promise<void>;
}

/** A service of the image that has the store's port on the server's own 127.0.0.1, as an agent there would. */
const forward = (port: number) => `command=/usr/bin/nc
command_args="-lk -s 127.0.0.1 -p ${port} -e /usr/bin/nc ${NETWORK.gateway} ${port}"
command_background=yes
pidfile=/run/store.pid
`;

/** What is asked for beside the names. */
interface PullingOptions extends Partial<LxcOptions> {
  /** With a reboot lock, and what keeps it. */
  store?: LockKind;
  /** Packages of their system: `curl` where their lock wants it. */
  packages?: string[];
  /** Seconds of a server's dead-man, by its name. */
  deadman?: Record<string, number>;
  /** Services of the image that do not start before the configuration `services` has them: what OpenRC reads. */
  services?: Record<string, string>;
}

/** The example's program, signed and published, and HostHijacks in place of its server. */
function program(lab: Pick<PullingLab, "project" | "servers" | "store" | "url" | "work">, o: PullingOptions): void {
  const file = join(lab.project.dir, "Pulumi.yaml");
  const { store } = lab;
  const of = (name: string) => `\${${name}}`;
  const one = ([name, vps]: [string, Lxc]) => {
    const properties = {
      connection: {
        host: "127.0.0.1",
        port: vps.port,
        user: "root",
        hostKey: vps.hostKey,
        privateKey: of("privateKey"),
        dialErrorLimit: 2,
      },
      commit: of("commit.checksum"),
      hostname: name,
      ...(o.deadman?.[name] ? { trialTimeout: o.deadman[name] } : {}),
      files: { "/etc/pine-demo/token": { content: of("token") } },
      updates: { url: lab.url, everyHours: 1, reboot: "now", waitForSessionsMinutes: 0 },
      ...(store ? { rebootLock: { [store.kind]: { address: store.url }, group: GROUP } } : {}),
    };
    return `  ${name}:\n    type: pine:HostHijack\n    properties: ${JSON.stringify(properties)}\n`;
  };
  const head = readFileSync(file, "utf8").split("  server:\n")[0]!;
  const services = { ...o.services, ...(store ? { store: forward(store.port) } : {}) };
  const text = publishing(head, join(lab.work, "published"), services);
  writeFileSync(file, text + Object.entries(lab.servers).map(one).join(""));
}

/** Starts them, and gives them nothing yet: `up` does. */
export async function startPullingLab(name: string, names: string[], o: PullingOptions = {}): Promise<PullingLab> {
  const tell = teller(name);
  return withEnding(async (ending, end) => {
    const work = mkdtempSync(join(tmpdir(), `pine-${name}-`));
    ending.push(() => rmSync(work, { recursive: true, force: true }));
    const tree = await ensureMirror(tell);
    const mirror = await serveMirror(tree);
    ending.unshift(() => mirror.close());
    const store = o.store && (await startLockStore(o.store));
    if (store) ending.unshift(() => store.end());
    mkdirSync(join(work, "published"));
    const port = await serveFolder(join(work, "published"), ending);
    const ports = [port, ...(store ? [store.port] : [])];
    const servers: Record<string, Lxc> = {};
    for (const one of names) {
      const vps = await startLxc({ release: "bookworm", privileged: false, ...o, name: one, log: () => {} });
      servers[one] = vps;
      ending.unshift(() => vps.stop());
      for (const way of ports) await vps.beside.outward(way);
    }
    const project = new Project(work);
    ending.unshift(() => project.end());
    await configure(project, { work, vps: servers[names[0]!]!, mirror }, tree.keys);
    await giveInputs(project);
    await project.secret("signingKey", keyText(1));
    await project.set({ target: "container" });
    if (store) await project.set({ services: ["lighttpd", "store"] });
    if (o.packages) await project.set({ packages: o.packages });
    const url = `http://${NETWORK.gateway}:${port}`;
    const lab = { work, project, servers, store, url, tell };
    program(lab, o);
    tell(`${names.length} containers stand`);
    return { ...lab, ...controls(lab), end };
  });
}

function controls({ project, servers }: Pick<PullingLab, "project" | "servers">) {
  const within = async (name: string, command: string) =>
    (await servers[name]!.exec(["/bin/sh", "-c", command])).stdout.trim();
  const on = () => Object.keys(servers).filter((name) => servers[name]!.pid !== 0);
  return {
    within,
    running: (name: string) => runningOn(servers[name]!),
    async status(name: string) {
      const told = await within(name, "pine status --json");
      return (told.startsWith("{") ? JSON.parse(told) : {}) as Record<string, string>;
    },
    async publish(values: Record<string, string | string[]>) {
      const made = await publish(project, values);
      // everyHours: the next look is due; nothing else writes the file meanwhile
      const due = "flock /run/pine.lock sed -i '/^next=/d' /var/lib/pine/pull/state";
      await Promise.all(on().map((name) => within(name, due)));
      return made;
    },
    hurry() {
      for (const name of on()) hurryOn(servers[name]!);
    },
  };
}

function runningOn(vps: Lxc): Running {
  const pid = vps.pid;
  const read = (path: string) => {
    try {
      return readFileSync(`/proc/${pid}/root${path}`, "latin1");
    } catch {
      return "";
    }
  };
  const line = pid ? read("/run/pine.cmdline") : "";
  const slot = / pine\.slot=([ab])/.exec(line)?.[1];
  return {
    commit: /deploy\/([0-9a-f]{64})\.\d+/.exec(line)?.[1],
    trial: / pine\.trial=1/.test(line),
    confirmed: slot !== undefined && read("/boot/grub/pine/env").includes(`pine_slot=${slot}\n`),
  };
}

const commandOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

/** Ends the pauses of its service pine-updates. */
function hurryOn(vps: Lxc): void {
  for (const service of childrenOf(vps.pid).filter((pid) => commandOf(pid).includes("/usr/libexec/pine/updates")))
    for (const pause of childrenOf(service).filter((pid) => /^sleep \d/.test(commandOf(pid))))
      try {
        process.kill(pause, "SIGTERM");
      } catch {
        // over meanwhile
      }
}

/** Calls `hurry` every few seconds until the work is done. */
export async function hurried<T>(lab: Pick<PullingLab, "hurry">, work: Promise<T>): Promise<T> {
  let over = false;
  const ends = () => {
    over = true;
  };
  work.then(ends, ends);
  while (!over) {
    lab.hurry();
    await Promise.race([sleep(4000), work.catch(() => {})]);
  }
  return work;
}
