/** What a server that trusts keys is told beforehand. The server's own look at it: e2e/commit-signed.test.ts. */
import { describe, expect, it } from "vitest";
import { trustOf } from "../../../provider/host/facts/pine.ts";
import { manifestProblem } from "../../../provider/trust/manifest.ts";
import { publicKeyOf } from "../../../provider/trust/signify.ts";
import { checksum, keyOf, of } from "./a-manifest.ts";

const [a, b, stranger] = [keyOf(1), keyOf(2), keyOf(3)];
/** What a server keeps of a manifest. */
const kept = (signed: { text: string }) => trustOf(signed.text.split("\n").filter(Boolean));

it("a manifest is lines, the same for the same content, and names the keys that count from then on", () => {
  expect(of([a, b]).text).toBe(
    `pine=1\nchecksum=${checksum}\nref=pine/x86_64/stable\nversion=1.2.0\narch=x86_64\ntarget=vm\ncreated=1700000000\nkey=${publicKeyOf(a)}\nkey=${publicKeyOf(b)}\n`,
  );
  expect(of([a, b])).toEqual(of([a, b]));
  const ref = "pine/x86_64/stable";
  expect(kept(of([a, b]))).toEqual({ keys: [publicKeyOf(a), publicKeyOf(b)], version: "1.2.0", checksum, ref });
});

describe("a server that has had version 1.2.0 signed by a", () => {
  const trust = kept(of([a]));
  it.each<[string, ReturnType<typeof of> | undefined, string | undefined]>([
    ["nothing signed", undefined, "unsigned"],
    ["the same again", of([a]), undefined],
    ["a newer one", of([a], { version: "1.2.1" }), undefined],
    ["one signed by a new key and by a", of([b, a]), undefined],
    ["one signed by a new key alone", of([b]), "signature"],
    ["one signed by a stranger who names a's key", { ...of([stranger]), text: of([a]).text }, "signature"],
    ["one changed after it was signed", { ...of([a]), text: of([a], { version: "9.0.0" }).text }, "signature"],
    ["another commit's", of([a], { checksum: "d".repeat(64) }), "commit"],
    ["an older one", of([a], { version: "1.1.9" }), "older"],
    ["one before it", of([a], { version: "1.2.0-rc.1" }), "older"],
    ["one with build metadata", of([a], { version: "1.2.0+2" }), undefined],
  ])("is shown %s", (_, signed, code) => expect(manifestProblem(trust, checksum, signed)?.code).toBe(code));

  it("has learnt the next key by one signed with both, and takes that key alone afterwards", () => {
    const both = kept(of([b, a]));
    expect(manifestProblem(both, checksum, of([b]))).toBeUndefined();
    expect(manifestProblem(kept(of([b])), checksum, of([a]))?.code).toBe("signature");
  });
});

it("a server without keys takes anything", () => {
  expect(manifestProblem({ keys: [] }, checksum, undefined)).toBeUndefined();
  expect(manifestProblem({ keys: [] }, checksum, of([stranger]))).toBeUndefined();
});
