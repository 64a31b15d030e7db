/** What programs of servers that pull have in common: the example's, with a commit that is signed and published. */
import type { Project } from "./hijack-cli.ts";

const of = (name: string) => `\${${name}}`;

const CONFIG = `  # Of the default runlevel
  services:
    type: array
    items:
      type: string
    default: [lighttpd]
`;

/** The text with a commit that the configuration's `signingKey` signs; `more`: further properties of the commit. */
export function signing(text: string, more: Record<string, object> = {}): string {
  const lines = Object.entries({ signingKey: of("signingKey"), ...more });
  const shown = ([key, value]: [string, unknown]) =>
    `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}\n`;
  return text
    .replace("resources:\n", "  signingKey:\n    type: string\n    secret: true\nresources:\n")
    .replace(/( +)rootfs: \$\{rootfs.digest\}\n/, (line, by) => line + lines.map((one) => by + shown(one)).join(""));
}

/**
 * The program's text with a health check of the commit's own, and published in a folder. `services`: further ones of
 * the image, which start where the configuration `services` has them; what OpenRC reads.
 */
export function publishing(text: string, folder: string, services: Record<string, string> = {}): string {
  const check = '      healthChecks:\n        - { name: web, http: "http://127.0.0.1/", timeout: 5 }\n';
  const files = Object.entries(services).map(([name, content]) => {
    const script = JSON.stringify({ mode: "0755", content: `#!/sbin/openrc-run\n${content}` });
    return `        /etc/init.d/${name}: ${script}\n`;
  });
  return signing(text, { publish: { folder } })
    .replace("      services:\n", `${check}      services:\n`)
    .replace("default: [lighttpd]\n      files:\n", `default: ${of("services")}\n      files:\n${files.join("")}`)
    .replace("resources:\n", `${CONFIG}resources:\n`);
}

export interface Published {
  version: string;
  checksum: string;
}

/** Publishes what a changed configuration makes, without any server: as another machine's `up` would. */
export async function publish(project: Project, values: Record<string, string | string[]>): Promise<Published> {
  await project.set(values);
  const find = async (kind: string) => (await project.state()).find((r) => r.type === `pine:index:${kind}`)!;
  const targets = [await find("Rootfs"), await find("OstreeCommit")].flatMap((r) => ["--target", r.urn]);
  await project.ok(["up", "--skip-preview", ...targets]);
  return (await find("OstreeCommit")).outputs as Published;
}
