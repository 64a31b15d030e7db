/** The lab's place in the user's cache, and the key its mirror signs with. */
import { createHash, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { SigningKey } from "./apk-format.ts";

/** A folder of the lab's cache, made if it is not there. */
export async function cachePath(...parts: string[]): Promise<string> {
  const path = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pine", "lab", ...parts);
  await mkdir(path, { recursive: true });
  return path;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** File name of the lab's public key, as it would lie in /etc/apk/keys. */
export const KEY_NAME = "pine-lab.rsa.pub";

/** The lab's signing key: RSA of 2048 bits, made once a cache, readable by its owner alone. */
export async function labKey(): Promise<SigningKey> {
  const file = join(await cachePath("keys"), "pine-lab.rsa");
  if (!(await exists(file))) {
    // Written beside and linked into place: of two processes that start together, one wins and both use the same key.
    const mine = `${file}.${process.pid}`;
    await writeFile(mine, freshKey(KEY_NAME).key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    await link(mine, file).catch((e: NodeJS.ErrnoException) => {
      if (e.code !== "EEXIST") throw e;
    });
    await rm(mine);
  }
  return { name: KEY_NAME, key: createPrivateKey(await readFile(file)) };
}

/** A new key under any name; tests sign with one that nobody trusts. */
export function freshKey(name: string): SigningKey {
  return { name, key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey };
}
