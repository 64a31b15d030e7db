/** Passwords in addresses that no form fits: refused, and shown by no message. */
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { Archive, Asset, type Props } from "../../../../provider/properties/values.ts";
import { checkRootfs } from "../../../../provider/resources/rootfs/check.ts";

const config = { store: tmpdir(), cache: tmpdir(), mirror: "http://m.example/alpine", release: "v3.23", keys: {} };

it.each<[code: string, inputs: Props, says: RegExp]>([
  ["mirror.form", { mirror: "https://ann:canary@m.example/a b" }, /^(?!.*canary)mirror: expected an http.*got "…@m/],
  ["mirror.form", { mirror: "https://ann:can/ary@m.example/a" }, /^(?!.*ary)mirror: expected an address that /],
  ["repositories.form", { repositories: ["@x https://ann:canary@m.example/a b"] }, /^(?!.*canary).*got "…@m/],
  ["repositories.form", { repositories: ["https//ann:canary@m.example/a b"] }, /^(?!.*canary).*got "…@m/],
  [
    "repositories.form",
    { repositories: ["https://ann:can/ary@m.example/a"] },
    /^(?!.*ary).*an address that begins with/,
  ],
  [
    "files.source.missing",
    { files: { "/etc/x": { source: new Asset({ path: "https://ann:canary@m.example/x" }) } } },
    /^(?!.*canary).*there is no file …@m/,
  ],
  [
    "files.archive.missing",
    { files: { "/etc/x": { archive: new Archive({ path: "https://ann:canary@m.example/x" }) } } },
    /^(?!.*canary).*there is no …@m/,
  ],
])("%s: %j", async (code, inputs, says) => {
  const { failures } = await checkRootfs(inputs, config);
  const shown = failures.map((f) => `${f.property}: ${f.reason} [${f.code}]`).join("\n");
  expect(shown).toMatch(says);
  expect(failures.map((f) => f.code)).toContain(code);
});
