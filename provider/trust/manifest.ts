/** The signed manifest of a commit: what a server has to know before it takes the commit. Pure. */
import semver from "semver";
import type { Target } from "../boot/target.ts";
import { publicKeyOf, sign, verifies } from "./signify.ts";

export type SigningKey = Parameters<typeof publicKeyOf>[0];

/** Who signs, and whom servers trust from then on: the signers, and spare keys, which are kept elsewhere. */
export interface Signers {
  keys: SigningKey[];
  /** Public keys ({@link publicKeyOf}). */
  spare: string[];
}

export interface Manifest {
  checksum: string;
  ref: string;
  /** Semver. A server refuses a version that is older than the one that it took last. */
  version: string;
  /** Alpine's name of the architecture. */
  arch: string;
  target: Target;
  /** Time of the content, in seconds since 1970. */
  created: number;
}

/** The manifest as it is sent to servers, and as it lies beside a published commit. */
export interface SignedManifest {
  /** Lines `name=value`, which host/server/trust.sh reads. */
  text: string;
  /** Signatures of signify, in base64. */
  signatures: string[];
}

/**
 * The manifest as a file, which trust.sh reads: the text, an empty line, one signature per line. "" if it is not
 * signed.
 */
export const manifestFile = (signed: SignedManifest | undefined): string =>
  signed ? `${signed.text}\n${signed.signatures.map((s) => `${s}\n`).join("")}` : "";

/** The format of a manifest's lines. An agent that does not know it needs a barrier first (publication.ts). */
export const FORMAT = 1;

/** The public keys that a server trusts after it kept something of these signers. */
export const trustedKeys = ({ keys, spare }: Signers): string[] => [...new Set([...keys.map(publicKeyOf), ...spare])];

export const signText = (text: string, { keys }: Signers): SignedManifest => ({
  text,
  signatures: keys.map((key) => sign(text, key)),
});

/** A manifest's lines; `more` comes before the keys. */
export function manifestText(m: Manifest, signers: Signers, more: string[] = []): string {
  const { checksum, ref, version, arch, target, created } = m;
  const lines = Object.entries({ pine: FORMAT, checksum, ref, version, arch, target, created }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const named = trustedKeys(signers).map((key) => `key=${key}`);
  return [...lines, ...more, ...named].map((line) => `${line}\n`).join("");
}

/**
 * Signs a manifest with the keys. A server trusts exactly the keys that it names from then on. It learns a new key when
 * the manifest names it beside a trusted one.
 */
export const signManifest = (m: Manifest, signers: Signers): SignedManifest =>
  signText(manifestText(m, signers), signers);

/** What a server trusts: public keys of signify, and the last version that it took. */
export interface Trust {
  keys: string[];
  version?: string;
  checksum?: string;
  ref?: string;
}

export interface ManifestProblem {
  code: "unsigned" | "signature" | "commit" | "older";
  message: string;
  hint: string;
}

/**
 * Why a server would refuse a commit. The server checks this itself, too; this tells it beforehand. A server without
 * keys takes anything.
 */
export function manifestProblem(
  trust: Trust,
  checksum: string,
  signed: SignedManifest | undefined,
): ManifestProblem | undefined {
  if (trust.keys.length === 0) return undefined;
  const keys = trust.keys.map((key) => key.slice(0, 14)).join(", ");
  if (!signed)
    return {
      code: "unsigned",
      message: `commit ${checksum.slice(0, 12)} is not signed, and this server takes only what is signed by ${keys}…`,
      hint: "set signingKey of the OstreeCommit; to let the server take anything, remove /var/lib/pine/trust there",
    };
  if (!trust.keys.some((key) => signed.signatures.some((s) => verifies(signed.text, s, key))))
    return {
      code: "signature",
      message: `commit ${checksum.slice(0, 12)} is not signed by a key that this server trusts (${keys}…)`,
      hint: "set oldSigningKey of the OstreeCommit to the key before: the server learns the new one by it",
    };
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(signed.text)?.[1] ?? "";
  if (value("checksum") !== checksum)
    return {
      code: "commit",
      message: `the manifest is signed for commit ${value("checksum").slice(0, 12)}, not for ${checksum.slice(0, 12)}`,
      hint: "run `pulumi up` where the commit is made, which signs it again",
    };
  const [now, last] = [value("version"), trust.version];
  if (last && semver.valid(last) && semver.valid(now) && semver.lt(now, last))
    return {
      code: "older",
      message: `version ${now} is older than ${last}, which this server has had`,
      hint: "give the OstreeCommit a higher version: going back is a new version with the old content",
    };
  return undefined;
}
