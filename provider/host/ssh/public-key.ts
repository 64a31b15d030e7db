/** Public keys as text. Pure. */

const TYPES = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;

/** `type base64` out of a public key line (with a comment, or a host name before it as in known_hosts). */
export function publicKeyOf(line: string): string | undefined {
  const words = line.trim().split(/\s+/);
  for (const n of [0, 1]) {
    const [type, blob] = [words[n] ?? "", words[n + 1] ?? ""];
    if (TYPES.test(type) && /^[A-Za-z0-9+/]+=*$/.test(blob)) {
      const bytes = Buffer.from(blob, "base64");
      const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
      if (bytes.subarray(4, 4 + length).toString("latin1") === type) return `${type} ${blob}`;
    }
  }
  return undefined;
}

/** A public key without options and comment; other text as it is. */
export const bareKey = (line: string): string => publicKeyOf(line) ?? line;
