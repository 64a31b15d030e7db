/**
 * The machine's own apt sources, turned to a Debian release: so the lab uses whatever mirror and proxy this machine
 * uses.
 */
import { readdirSync, readFileSync } from "node:fs";
import { die } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";

export interface Source {
  uri: string;
  suite: string;
  signedBy?: string;
}

/** One-line style (`deb [signed-by=…] URI SUITE main`). */
function oneLine(text: string): Source[] {
  return text.split("\n").flatMap((line) => {
    const m = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line);
    if (!m || !/\bmain\b/.test(m[4]!)) return [];
    return [{ uri: m[2]!, suite: m[3]!, signedBy: /signed-by=(\S+)/.exec(m[1] ?? "")?.[1] }];
  });
}

/** deb822 style (`URIs:`, `Suites:`, …, stanzas apart by an empty line). */
function stanzas(text: string): Source[] {
  return text
    .replace(/^#.*\n?/gm, "")
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, "im").exec(stanza)?.[1]?.trim();
      const words = (name: string) => field(name)?.split(/\s+/) ?? [];
      if (!words("Types").includes("deb") || !words("Components").includes("main")) return [];
      if (field("Enabled")?.toLowerCase() === "no") return [];
      const key = field("Signed-By");
      const signedBy = key?.startsWith("/") ? key : undefined;
      return words("URIs").flatMap((uri) => words("Suites").map((suite) => ({ uri, suite, signedBy })));
    });
}

/**
 * Releases without support: their security suites name files that are gone (seen in November 2026: bullseye's
 * linux-image-cloud-amd64 5.10.262-1), while the release itself does not change any more.
 */
const ENDED = ["bullseye"];

/**
 * Sources for `release` (a Debian code name) out of apt's files of a machine that runs `own`: entries of its own
 * release, its updates and its security suite, with the name exchanged (a release that has {@link ENDED} without the
 * latter). What is not Debian's (another suite) is left out.
 */
export function sourcesFor(release: string, own: string, files: { name: string; text: string }[]): Source[] {
  const all = files.flatMap((f) => (f.name.endsWith(".sources") ? stanzas(f.text) : oneLine(f.text)));
  const seen = new Set<string>();
  return all.flatMap((s) => {
    const m = new RegExp(`^${own}(|-updates|-security|/updates)$`).exec(s.suite);
    if (!m || !/debian/.test(s.uri)) return [];
    const suite = release + m[1];
    if (ENDED.includes(release) && /security|\/updates/.test(suite)) return [];
    if (seen.has(`${s.uri} ${suite}`)) return [];
    seen.add(`${s.uri} ${suite}`);
    return [{ ...s, suite }];
  });
}

/** apt's sources.list for `release`, made from this machine's. */
export function sourcesList(release: string): string {
  const own = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  const read = (name: string) => {
    try {
      return [{ name, text: readFileSync(name, "utf8") }];
    } catch {
      return [];
    }
  };
  const folder = "/etc/apt/sources.list.d";
  const names = readdirSync(folder).filter((n) => /\.(list|sources)$/.test(n));
  const files = [...read("/etc/apt/sources.list"), ...names.flatMap((n) => read(`${folder}/${n}`))];
  const sources = sourcesFor(release, own, files);
  if (sources.length === 0)
    die(`apt's sources name no Debian ${own}`, "the lab makes its VPS from this machine's own Debian sources");
  // Signed-By is left to apt's trusted keys when another release is asked for: its keys may be others.
  const option = (s: Source) => (s.signedBy && release === own ? `[signed-by=${s.signedBy}] ` : "");
  return sources.map((s) => `deb ${option(s)}${s.uri} ${s.suite} main\n`).join("");
}

/** How this machine's apt reaches the net (proxy, retries, clock checks), as mmdebstrap's `--aptopt` arguments. */
export async function aptOptions(): Promise<string[]> {
  const { stdout } = await run("apt-config", ["dump", "Acquire"]);
  return stdout
    .split("\n")
    .filter((l) => /^Acquire::(https?::(Proxy|CA)|Retries|Check-(Valid-Until|Date))/i.test(l) && !l.endsWith(' "";'))
    .map((l) => `--aptopt=${l}`);
}
