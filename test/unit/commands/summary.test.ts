import { describe, expect, it } from "vitest";
import { deltaOf, signedBy } from "../../../provider/commands/summary.ts";
import { parseFsck } from "../../../provider/image/upkeep/fsck.ts";
import { signManifest } from "../../../provider/trust/manifest.ts";
import { readSigningKey } from "../../../provider/trust/signify.ts";

const [a, b] = ["fb6d86188855097528c19f66cf89e9cb4685c52c2c9f559393428c3141f5ed8f", "c1".repeat(32)] as const;
const name = (sum: string) => Buffer.from(sum, "hex").toString("base64").replaceAll("/", "_").replace("=", "");
const path = (whole: string) => `deltas/${whole.slice(0, 2)}/${whole.slice(2)}/superblock`;

it("a delta's name says from what to what it is", () => {
  expect(deltaOf(path(`${name(a)}-${name(b)}`))).toEqual({ from: a, to: b });
  expect(deltaOf(path(name(b)))).toEqual({ to: b });
  expect(deltaOf("deltas/aB/cd/superblock")).toBeUndefined();
  expect(deltaOf("summary")).toBeUndefined();
});

describe("who signed", () => {
  const [one, two] = [7, 8].map((n) => readSigningKey(Buffer.alloc(32, n).toString("base64")));
  if (typeof one !== "object" || typeof two !== "object") throw new Error("no keys");
  const m = { checksum: a, ref: "r", version: "1.0.0", arch: "x86_64", target: "vm" as const, created: 1 };
  const { text, signatures } = signManifest(m, { keys: [one, two], spare: [] });
  const file = (t: string, s: string[]) => `${t}\n${s.map((x) => `${x}\n`).join("")}`;

  it.each([
    ["both", file(text, signatures), a, /^signed by RW\S+, RW\S+$/],
    ["one", file(text, signatures.slice(1)), a, /^signed by RW\S+$/],
    ["a changed text", file(text.replace("1.0.0", "9.0.0"), signatures), a, /^NOT signed: no signature matches$/],
    ["another commit's", file(text, signatures), b, /^NOT signed: the manifest is another commit's$/],
    ["no manifest", "", a, /^not signed$/],
  ])("%s", (_, manifest, commit, said) => expect(signedBy(manifest, commit).signed).toMatch(said));
});

// ostree 2022.7 (Debian 12) on a repository with a changed dirmeta, a changed file, and a removed dirtree
const SAID = `In commits ${b}, ${a}: fsck content object e000a47a36168c51fe11770372f3f0f4edacb46eb349d9be2aae027ea0a045f8: Need more input
In commits ${b}: fsck ${a}.dirmeta: Corrupted dirmeta object; checksum expected='${a}' actual='86c7ff'
Object missing in commits ${b}: ${b}.dirtree
Marking commit as partial: ${b}
error: Repository corruption encountered`;

it("what ostree fsck says is told an object a time", () => {
  expect(parseFsck(SAID)).toEqual([
    {
      what: "object e000a47a36168c51fe11770372f3f0f4edacb46eb349d9be2aae027ea0a045f8",
      why: "Need more input (commit c1c1c1c1c1c1, fb6d86188855)",
    },
    {
      what: `object ${a}.dirmeta`,
      why: expect.stringMatching(/^Corrupted dirmeta object; .* \(commit c1c1c1c1c1c1\)$/),
    },
    { what: `object ${b}.dirtree`, why: "is missing (commit c1c1c1c1c1c1)" },
  ]);
  expect(parseFsck("error: Loading commit for ref x: No such metadata object")).toEqual([
    { what: "repository", why: "Loading commit for ref x: No such metadata object" },
  ]);
});
