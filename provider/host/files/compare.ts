/**
 * Whether files on a server are what they should be. The content travels there; nothing of it is hashed or kept here.
 */
import { compareScript } from "../scripts.ts";
import { keyValues } from "../ssh/answers.ts";
import { gaveUp } from "../ssh/hanging.ts";
import type { Ssh } from "../ssh/types.ts";

/** What a file should be: its content, or its SHA-256 (hex) when the content is not at hand. */
export interface Expected {
  path: string;
  content?: string | Uint8Array;
  sha256?: string;
  /** Octal, "0644". */
  mode: string;
  /** "user:group" or "user", by name or number. */
  owner: string;
}

/** How a file on the server differs. `mode` and `owner` are those it has there. */
export type Difference =
  | { path: string; gone: true }
  | { path: string; gone?: undefined; content: boolean; mode?: string; owner?: string };

/** Bytes up to which a file's text is read back to be shown. */
const SHOWN = 65_536;

/** Runs compare.sh once. No answer within five minutes, enough for a slow line, is an error. */
async function look(ssh: Ssh, args: string[], path: string, input?: string | Uint8Array): Promise<string> {
  const more = { root: true, input, timeout: 300_000, what: `looking at ${path}` };
  const r = await ssh.exec(compareScript(), args, more).catch((error: unknown) => {
    throw gaveUp(error, ssh.target, path);
  });
  return r.stdout;
}

/** The difference, or undefined when there is none. */
export async function compareFile(ssh: Ssh, e: Expected): Promise<Difference | undefined> {
  const ask = async (args: string[], input?: string | Uint8Array) => keyValues(await look(ssh, args, e.path, input));
  const there = await ask(["stat", e.path]);
  if (there.get("type") !== "file") return { path: e.path, gone: true };
  const asked = e.content === undefined ? ask(["digest", e.path, e.sha256 ?? ""]) : ask(["same", e.path], e.content);
  const content = (await asked).get("content") !== "same";
  const mode = there.get("mode") ?? "";
  const sameMode = Number.parseInt(mode, 8) === Number.parseInt(e.mode, 8);
  const owner = sameOwner(e.owner, there.get("owner") ?? "", there.get("ids") ?? "");
  if (!content && sameMode && owner) return undefined;
  return {
    path: e.path,
    content,
    ...(sameMode ? {} : { mode: mode.padStart(4, "0") }),
    ...(owner ? {} : { owner: there.get("owner") }),
  };
}

/** Whether `wanted` owns a file: "user" leaves the group open. Pure. */
export function sameOwner(wanted: string, names: string, ids: string): boolean {
  const [byName, byId] = [names.split(":"), ids.split(":")];
  return wanted.split(":").every((part, n) => part === byName[n] || part === byId[n]);
}

/** Whether every one of these files is there as it should be. */
export async function sameFiles(ssh: Ssh, files: Expected[]): Promise<boolean> {
  for (const file of files) if (await compareFile(ssh, file)) return false;
  return true;
}

/** A file's text, when it is text and not long. */
export async function readText(ssh: Ssh, path: string): Promise<string | undefined> {
  const stdout = await look(ssh, ["text", path, String(SHOWN)], path);
  const text = stdout.slice(0, -1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what text does not have
  return Buffer.byteLength(text) >= SHOWN || /[\u0000-\u0008\ufffd]/.test(text) ? undefined : text;
}
