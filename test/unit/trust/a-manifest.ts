/** A manifest to sign, and keys that are always the same. */
import type { KeyObject } from "node:crypto";
import { type Manifest, type SignedManifest, signManifest } from "../../../provider/trust/manifest.ts";
import { readSigningKey } from "../../../provider/trust/signify.ts";

export const keyText = (n: number) => Buffer.alloc(32, n).toString("base64");
export const keyOf = (n: number) => readSigningKey(keyText(n)) as KeyObject;
export const checksum = "c".repeat(64);
export const manifest: Manifest = {
  checksum,
  ref: "pine/x86_64/stable",
  version: "1.2.0",
  arch: "x86_64",
  target: "vm",
  created: 1_700_000_000,
};
/** Of version 1.2.0, unless `more` says otherwise. */
export const of = (keys: KeyObject[], more: Partial<Manifest> = {}, spare: string[] = []): SignedManifest =>
  signManifest({ ...manifest, ...more }, { keys, spare });
