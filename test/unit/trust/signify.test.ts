/** Keys as people have them, signatures as signify's own program makes and takes them. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { publicKeyOf, readSigningKey, sign, verifies } from "../../../provider/trust/signify.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-signing-"));
afterAll(() => rmSync(dir, { recursive: true }));
const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { cwd: dir, encoding: "utf8", stdio: "pipe" });
const key = (text: string) => readSigningKey(text) as KeyObject;
const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const seed = createPrivateKey(pem).export({ format: "der", type: "pkcs8" }).subarray(-32);

describe("a signing key", () => {
  it("is the same as PEM and as base64", () => {
    expect(publicKeyOf(key(`\n${pem}`))).toBe(publicKeyOf(key(seed.toString("base64"))));
    expect(publicKeyOf(key(pem))).toMatch(/^RW[A-Za-z0-9+/]{54}$/);
  });

  const other = (type: "rsa" | "ec") =>
    generateKeyPairSync(type as "rsa", { modulusLength: 2048, namedCurve: "P-256" } as { modulusLength: number })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString();
  it.each<[string, () => string, string]>([
    ["nothing", () => "", "is neither PEM nor the base64 of 32 bytes"],
    ["words", () => "not a key", "is neither PEM nor the base64 of 32 bytes"],
    ["too few bytes", () => seed.subarray(1).toString("base64"), "is neither PEM nor the base64 of 32 bytes"],
    ["a key of RSA", () => other("rsa"), "is of type rsa"],
    ["a key of ECDSA", () => other("ec"), "is of type ec"],
    ["a public key", () => createPublicKey(pem).export({ type: "spki", format: "pem" }).toString(), "is a public key"],
    ["half a PEM", () => pem.slice(0, 60), "cannot be read"],
    [
      "one with a passphrase",
      () =>
        createPrivateKey(pem)
          .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
          .toString(),
      "is encrypted",
    ],
    [
      "OpenSSH's",
      () => "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n",
      "is in OpenSSH's own format",
    ],
  ])("is not %s", (_, text, problem) => expect(readSigningKey(text())).toBe(problem));
});

describe("a signature", () => {
  const comment = (line: string) => `untrusted comment: test\n${line}\n`;
  const text = "pine=1\nchecksum=abc\n";

  it("of ours is signify's to take", () => {
    writeFileSync(join(dir, "our.pub"), comment(publicKeyOf(key(pem))));
    writeFileSync(join(dir, "our.sig"), comment(sign(text, key(pem))));
    writeFileSync(join(dir, "text"), text);
    const args = ["-V", "-q", "-p", "our.pub", "-x", "our.sig", "-m"];
    run("signify-openbsd", ...args, "text");
    writeFileSync(join(dir, "other"), `${text} `);
    expect(() => run("signify-openbsd", ...args, "other")).toThrow(/signature verification failed/);
  });

  it("of signify is ours to take", () => {
    run("signify-openbsd", "-G", "-n", "-p", "their.pub", "-s", "their.sec");
    run("signify-openbsd", "-S", "-s", "their.sec", "-x", "their.sig", "-m", "text");
    const line = (name: string) => readFileSync(join(dir, name), "utf8").split("\n")[1]!;
    expect(verifies(text, line("their.sig"), line("their.pub"))).toBe(true);
    expect(verifies(`${text} `, line("their.sig"), line("their.pub"))).toBe(false);
    expect(verifies(text, line("their.sig"), publicKeyOf(key(pem)))).toBe(false);
  });

  it.each([
    ["nothing", ""],
    ["words", "no signature"],
    ["a key", publicKeyOf(key(pem))],
    ["one cut off", sign(text, key(pem)).slice(0, 96)],
    ["one with a bit flipped", sign(text, key(pem)).replace(/.(?=.{5}$)/, (c) => (c === "A" ? "B" : "A"))],
  ])("is not %s", (_, signature) => expect(verifies(text, signature, publicKeyOf(key(pem)))).toBe(false));
});
