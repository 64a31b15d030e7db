/**
 * What servers that pull read first of a published branch: a manifest with more lines, and the chain of the keys that
 * signed it. libexec/pine/trust reads both. Pure.
 */
import { type Manifest, manifestText, type SignedManifest, type Signers, signText, trustedKeys } from "./manifest.ts";
import { verifies } from "./signify.ts";

/** A version that every older server has to run first. Its commit stays published. */
export interface Barrier {
  version: string;
  checksum: string;
}

/** What is said besides the commit itself. */
export interface Statement {
  /** Checksums of commits that no server may boot any more. */
  withdrawn: string[];
  barriers: Barrier[];
}

/** The files of a branch that a server reads before anything else. */
export interface Published {
  manifest: SignedManifest;
  /** The chain: a line for each change of keys, the oldest first. */
  keys: string;
}

export class KeysLost extends Error {}

const valuesOf = (text: string, name: string) =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));

/** A manifest file (`manifestFile`); undefined: it is none. */
export function parseManifestFile(file: string): SignedManifest | undefined {
  const [text, signatures] = file.split("\n\n");
  if (!text?.startsWith("pine=") || !signatures) return undefined;
  return { text: `${text}\n`, signatures: signatures.split("\n").filter(Boolean) };
}

/** What is signed of a change of keys; {@link chainLine} has the same in one line. */
const changeText = (ref: string, step: number, keys: string[]) =>
  [`pine-keys=1`, `ref=${ref}`, `step=${step}`, ...keys.map((key) => `key=${key}`)].map((l) => `${l}\n`).join("");

const chainLine = (ref: string, step: number, signers: Signers) => {
  const keys = trustedKeys(signers);
  return `${step} ${keys.join(",")} ${signText(changeText(ref, step, keys), signers).signatures.join(",")}\n`;
};

const same = (a: string[], b: string[]) => a.length === b.length && a.every((key) => b.includes(key));

/**
 * The next publication of a branch. `before`: what is published now, or what somebody put there. `now`: seconds since
 * 1970. Its number is the time, or one more than before where the clock is behind: so it also grows after the folder
 * was lost. Throws {@link KeysLost} when no signer is one that the servers of the last publication trust.
 */
export function nextPublication(
  m: Manifest,
  signers: Signers,
  statement: Statement,
  before: { manifest?: SignedManifest; keys: string },
  now: number,
): Published {
  const last = before.manifest?.text ?? "";
  const number = Math.max(now, Number(valuesOf(last, "number")[0] ?? 0) + 1);
  const [lastKeys, keys] = [valuesOf(last, "key"), trustedKeys(signers)];
  let step = Number(valuesOf(last, "step")[0] ?? 0);
  // what a cut-off run added is made again
  let chain = before.keys
    .split("\n")
    .filter((line) => line && Number(line.split(" ")[0]) <= step)
    .map((line) => `${line}\n`)
    .join("");
  if (lastKeys.length > 0 && !same(lastKeys, keys)) {
    step += 1;
    const line = chainLine(m.ref, step, signers);
    const text = changeText(m.ref, step, keys);
    const signatures = line.trim().split(" ")[2]!.split(",");
    if (!lastKeys.some((key) => signatures.some((s) => verifies(text, s, key))))
      throw new KeysLost(lastKeys.map((key) => `${key.slice(0, 14)}…`).join(", "));
    chain += line;
  }
  const more = [
    `number=${number}`,
    `published=${now}`,
    `step=${step}`,
    ...statement.withdrawn.map((checksum) => `withdrawn=${checksum}`),
    ...statement.barriers.map(({ version, checksum }) => `barrier=${version} ${checksum}`),
  ];
  return { manifest: signText(manifestText(m, signers, more), signers), keys: chain };
}

/** When a manifest file was published, in seconds since 1970; undefined: it is none, or says nothing of it. */
export function publishedAt(file: string): number | undefined {
  const at = Number(valuesOf(parseManifestFile(file)?.text ?? "", "published")[0]);
  return Number.isFinite(at) && at > 0 ? at : undefined;
}
