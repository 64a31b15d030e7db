/** Containers that pull as a Fleet with rings, and a web server beside each that has what is published. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withEnding } from "../lab/ending.ts";
import { type Lxc, startLxc } from "../lab/lxc/index.ts";
import { NETWORK } from "../lab/lxc/stage.ts";
import { ensureMirror, serveMirror } from "../lab/mirror/index.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import { Project } from "./hijack-cli.ts";
import { configure, giveInputs, teller, until } from "./hijack-lab.ts";
import { signing } from "./pulling-program.ts";

const PORT = 8481;
/** Where the servers look. */
export const URL = `http://${NETWORK.gateway}:${PORT}`;
const TICK = "sed -i '/^next=/d' /var/lib/pine/pull/state 2>/dev/null; /usr/libexec/pine/upgrade tick >/dev/null";

interface Ring {
  name: string;
  servers: string[];
}

export interface RingsLab {
  project: Project;
  servers: Record<string, Lxc>;
  /** Writes the program, with these settings of `updates` beside the address. */
  program(updates?: object): void;
  /** The commit that a ring is signed for. */
  signed(ring: string): string;
  /** Of `pine status --json`; nothing while it does not answer. */
  status(name: string): Promise<Record<string, string>>;
  /** Every server looks for updates, and does what is due. */
  allLook(): Promise<unknown>;
  page(name: string): Promise<string | undefined>;
  /** All look until a server's page is this one, and it is confirmed. */
  runs(name: string, text: string): Promise<void>;
  tell(line: string): void;
  end(): Promise<void>;
}

/** The example's program with a Fleet `web` in place of its server. */
function fleet(head: string, servers: Record<string, Lxc>, order: Ring[], publish: object, updates: object): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  const [commit, privateKey, token, signingKey] = ["${commit.checksum}", "${privateKey}", "${token}", "${signingKey}"];
  const defaults = {
    connection: { host: "127.0.0.1", user: "root", privateKey },
    files: { "/etc/pine-demo/token": { content: token } },
    updates: { url: URL, everyHours: 1, reboot: "now", waitForSessionsMinutes: 0, ...updates },
  };
  const all = Object.entries(servers).map(([name, { port, hostKey }]) => [
    name,
    { hostname: `web-${name}`, connection: { port, hostKey } },
  ]);
  const rings = { order, publish, signingKey };
  const properties = { commit, rings, defaults, servers: Object.fromEntries(all) };
  const web = `  web:\n    type: pine:Fleet\n    properties: ${JSON.stringify(properties)}\n`;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
  return `${head}${web}outputs: { waiting: "${"${web.waiting}"}" }\n`;
}

const headOf = (example: string) =>
  signing(example.split("  server:\n")[0]!).replace(
    "      services:\n",
    '      healthChecks: [{ name: web, http: "http://127.0.0.1/", timeout: 5 }]\n      services:\n',
  );

/** Containers of these names, with nothing of Pine's yet; those that no ring names are in `rest`. */
export async function startRingsLab(what: string, names: string[], order: Ring[]): Promise<RingsLab> {
  const tell = teller(what);
  return withEnding(async (ending, end) => {
    const work = mkdtempSync(join(tmpdir(), `pine-${what}-`));
    ending.push(() => rmSync(work, { recursive: true, force: true }));
    const tree = await ensureMirror(tell);
    const mirror = await serveMirror(tree);
    ending.unshift(() => mirror.close());
    const published = join(work, "published");
    mkdirSync(published);
    const argv = ["python3", "-m", "http.server", "-b", NETWORK.gateway, "-d", published, String(PORT)];
    const servers: Record<string, Lxc> = {};
    for (const name of names) {
      const options = { name: `${what}-${name}`, privileged: false, release: "bookworm", network: "host" } as const;
      const vps = await startLxc({ ...options, log: () => {} });
      ending.unshift(() => vps.stop());
      servers[name] = vps;
      vps.beside.start("a web server", argv, "ignore");
    }
    const project = new Project(work);
    ending.unshift(() => project.end());
    await configure(project, { work, vps: servers[names[0]!]!, mirror }, tree.keys);
    await giveInputs(project);
    await project.set({ target: "container", page: "The first page" });
    await project.secret("signingKey", keyText(1));
    const file = join(project.dir, "Pulumi.yaml");
    const head = headOf(readFileSync(file, "utf8"));
    const program = (updates: object = {}) =>
      writeFileSync(file, fleet(head, servers, order, { folder: published }, updates));
    program();
    tell(`${names.length} containers stand`);
    const signed = (ring: string) =>
      /^checksum=(.*)$/m.exec(readFileSync(join(published, `pine/pine/web/${ring}.manifest`), "utf8"))![1]!;
    return { project, servers, program, signed, ...looks(servers), tell, end };
  });
}

function looks(servers: Record<string, Lxc>): Pick<RingsLab, "status" | "allLook" | "page" | "runs"> {
  const said = async (name: string, command: string) =>
    (await servers[name]!.ssh(command).catch(() => undefined))?.stdout.trim();
  const status = async (name: string) => JSON.parse((await said(name, "pine status --json")) || "{}");
  const allLook = () => Promise.all(Object.keys(servers).map((name) => said(name, TICK)));
  const page = (name: string) => said(name, "wget -qO- http://127.0.0.1/");
  return {
    status,
    allLook,
    page,
    runs: (name, text) =>
      until(`${name} serves ${text}, confirmed`, async () => {
        await allLook();
        return (await status(name)).state === "confirmed" && (await page(name)) === text;
      }),
  };
}
