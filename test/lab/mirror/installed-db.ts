/** Reads apk's installed database (lib/apk/db): what each package owns, with owners, modes and checksums. */
import type { ScriptName } from "./apk-format.ts";

export interface InstalledFile {
  path: string;
  directory: boolean;
  uid: number;
  gid: number;
  mode: number;
  /** SHA-1 of the content, or of a link's target; directories have none. */
  sha1?: string;
}

export interface InstalledPackage {
  /** The one-letter fields before the file list. */
  fields: Record<string, string>;
  /** SHA-1 of the package's control member, hex: the key of its scripts and triggers. */
  id: string;
  files: InstalledFile[];
}

const hexOf = (checksum: string) => Buffer.from(checksum.replace(/^Q1/, ""), "base64").toString("hex");

/** Parses lib/apk/db/installed. */
export function parseInstalled(text: string): InstalledPackage[] {
  return text
    .trim()
    .split("\n\n")
    .map((block) => {
      const fields: Record<string, string> = {};
      const files: InstalledFile[] = [];
      let folder = "";
      for (const line of block.split("\n")) {
        const [key, value] = [line[0]!, line.slice(2)];
        const last = files.at(-1);
        if (key === "F") {
          folder = value;
          files.push({ path: value, directory: true, uid: 0, gid: 0, mode: 0o755 });
        } else if (key === "R") {
          files.push({ path: folder ? `${folder}/${value}` : value, directory: false, uid: 0, gid: 0, mode: 0o644 });
        } else if (last && (key === "M" || key === "a")) {
          const [uid, gid, mode] = value.split(":");
          Object.assign(last, { uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode ?? "", 8) });
        } else if (last && key === "Z") last.sha1 = hexOf(value);
        else fields[key] = value;
      }
      if (!fields.P || !fields.V || !fields.C)
        throw new Error(`apk's database: a package without P, V or C: ${block.slice(0, 80)}`);
      return { fields, id: hexOf(fields.C), files: files.filter((f) => f.path !== "") };
    });
}

/** Parses lib/apk/db/triggers: watched folders by package id. */
export function parseTriggers(text: string): Map<string, string[]> {
  const lines = text.split("\n").filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [id, ...folders] = line.split(" ");
      return [hexOf(id!), folders];
    }),
  );
}

/** Package id and script of a member name of lib/apk/db/scripts.tar.gz: "busybox-1.37.0-r30.X1<sha1>.trigger". */
export function parseScriptName(member: string): { id: string; script: ScriptName } | undefined {
  const m = /\.(?:X1|Q1)([0-9a-f]{40})\.([a-z-]+)$/.exec(member);
  return m ? { id: m[1]!, script: m[2] as ScriptName } : undefined;
}
