/**
 * Ed25519 keys and signatures as signify(1) has them, which is what images carry: "Ed", an 8-byte number of the key,
 * then the key (32 bytes) or the signature (64 bytes), in base64. Alpine's and Debian's ostree differ in what they can
 * check, and a commit's own signature would say nothing of its version; so it is the manifest that is signed.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
} from "node:crypto";

const ALGORITHM = Buffer.from("Ed");
const NUMBER_BYTES = 8;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** PKCS#8 of an Ed25519 key up to its 32 bytes, and SubjectPublicKeyInfo (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export const KEY_EXPECTED =
  "an Ed25519 private key, as PEM (PKCS#8: tls.PrivateKey's privateKeyPem, `openssl genpkey -algorithm ed25519`) or as the base64 of its 32 bytes";

/** The key, or why it is not usable; the reason never holds a part of it. */
export function readSigningKey(text: string): KeyObject | string {
  const trimmed = text.trim();
  if (!trimmed.startsWith("-----")) {
    const bytes = base64(trimmed);
    if (bytes?.length !== KEY_BYTES) return "is neither PEM nor the base64 of 32 bytes";
    return createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: "der", type: "pkcs8" });
  }
  if (/ENCRYPTED/.test(trimmed)) return "is encrypted";
  if (/BEGIN OPENSSH/.test(trimmed)) return "is in OpenSSH's own format";
  if (/BEGIN PUBLIC/.test(trimmed)) return "is a public key";
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: `${trimmed}\n`, format: "pem" });
  } catch {
    return "cannot be read";
  }
  return key.asymmetricKeyType === "ed25519" ? key : `is of type ${key.asymmetricKeyType}`;
}

const raw = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES);

export const PUBLIC_KEY_EXPECTED =
  'an Ed25519 public key, as PEM (tls.PrivateKey\'s publicKeyPem) or as `publicKey` of an OstreeCommit has it ("RW…")';

/** A public key in the form of {@link publicKeyOf}; undefined: it is none. */
export function readPublicKey(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("-----")) {
    const bytes = base64(trimmed);
    return bytes?.length === ALGORITHM.length + NUMBER_BYTES + KEY_BYTES && bytes.subarray(0, 2).equals(ALGORITHM)
      ? trimmed
      : undefined;
  }
  // from a private one a public one could be made, and then that private key would lie in a plain state
  if (!/BEGIN PUBLIC KEY/.test(trimmed)) return undefined;
  try {
    const key = createPublicKey({ key: `${trimmed}\n`, format: "pem" });
    return key.asymmetricKeyType === "ed25519"
      ? named(key.export({ format: "der", type: "spki" }).subarray(-KEY_BYTES))
      : undefined;
  } catch {
    return undefined;
  }
}
/** signify's number is random. Ours is made from the key, so that the same key has the same name everywhere. */
const numberOf = (publicKey: Buffer) => createHash("sha256").update(publicKey).digest().subarray(0, NUMBER_BYTES);

/** The public key of a private one: 56 characters of base64, "RW…". */
export const publicKeyOf = (key: KeyObject): string => named(raw(key));

const named = (bytes: Buffer) => Buffer.concat([ALGORITHM, numberOf(bytes), bytes]).toString("base64");

/** Signs a text: 100 characters of base64, "RW…". The same text and key give the same signature. */
export function sign(text: string, key: KeyObject): string {
  return Buffer.concat([ALGORITHM, numberOf(raw(key)), cryptoSign(null, Buffer.from(text), key)]).toString("base64");
}

/** Whether a signature of {@link sign} was made for this text, with this public key's private one. */
export function verifies(text: string, signature: string, publicKey: string): boolean {
  const head = ALGORITHM.length + NUMBER_BYTES;
  const [s, k] = [base64(signature), base64(publicKey)];
  if (s?.length !== head + SIGNATURE_BYTES || k?.length !== head + KEY_BYTES) return false;
  if (!s.subarray(0, head).equals(k.subarray(0, head)) || !s.subarray(0, 2).equals(ALGORITHM)) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI, k.subarray(head)]), format: "der", type: "spki" });
  return cryptoVerify(null, Buffer.from(text), key, s.subarray(head));
}

function base64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, "base64") : undefined;
}
