import { describe, expect, it } from "vitest";
import { type Files, isOurs, planFetch, planUpload } from "../../../provider/publish/plan.ts";
import { parseKeys, s3Problem } from "../../../provider/publish/s3/answers.ts";
import { twin } from "../../../provider/publish/s3/place.ts";

const object = (n: number) => `objects/${String(n).padStart(2, "0")}/${"ab".repeat(31)}.filez`;
const DELTA = "deltas/aB/c_d+e-fG/superblock";
const files = (...paths: string[]): Files => new Map(paths.map((p) => [p, 10]));

describe("what is sent", () => {
  it("goes in steps: content, deltas' heads, what names them, the summary, the manifests; then what nobody names goes", () => {
    const here = files(
      "summary",
      "config",
      "pine/a/b.manifest",
      "refs/heads/a/b",
      object(1),
      object(2),
      DELTA,
      "deltas/aB/x/0",
    );
    here.set("delta-indexes/aB/c.index", 10);
    expect(planUpload(here, files(object(1), object(3), "refs/heads/old", "summary", "index.html"))).toEqual({
      steps: [
        ["deltas/aB/x/0", object(2)],
        [DELTA],
        ["config", "delta-indexes/aB/c.index", "refs/heads/a/b"],
        ["summary"],
        ["pine/a/b.manifest"],
      ],
      remove: ["refs/heads/old", object(3)],
      bytes: 80,
    });
  });

  it("the chain of keys is there before what the newest of them signed", () =>
    expect(planUpload(files("pine/a.manifest", "pine/a.keys", "pine/a.commits"), files()).steps.slice(2)).toEqual([
      [],
      ["pine/a.keys"],
      ["pine/a.commits", "pine/a.manifest"],
    ]));

  it("an empty file there is what a loss of power left", () => {
    expect(planUpload(files(object(1)), new Map([[object(1), 0]])).steps[0]).toEqual([object(1)]);
  });

  it("our own housekeeping stays here", () => {
    expect(planUpload(files("extensions/x", "objects/odd", "pine/.lock"), files()).bytes).toBe(0);
  });
});

describe("what is fetched", () => {
  it("is what others published; what is gone there goes here, but for objects", () => {
    const here = files(object(1), object(2), "refs/heads/gone", DELTA, "config");
    const there = files(object(1), object(3), "refs/heads/a", "summary", "config");
    expect(planFetch(here, there)).toEqual({
      fetch: [object(3), "refs/heads/a", "summary"],
      drop: ["refs/heads/gone", DELTA],
      bytes: 30,
    });
  });

  it("an object may be compressed otherwise there; a delta may not", () => {
    const here = files(object(1), DELTA);
    expect(planFetch(here, new Map([...here.keys()].map((k) => [k, 11]))).fetch).toEqual([DELTA]);
  });
});

it.each([
  ["config", true],
  [object(1), true],
  [DELTA, true],
  ["refs/heads/pine/x86_64/stable", true],
  ["pine/pine/x86_64/stable.manifest", true],
  ["refs/heads/../../../etc/passwd", false],
  ["../config", false],
  ["/config", false],
  ["pine/a b", false],
  ["pine/.hidden", false],
  ["objects/../x", false],
  ["index.html", false],
])("%s is ours: %s", (path, ours) => expect(isOurs(path)).toBe(ours));

describe("S3", () => {
  it("reads a page of a list", () => {
    const xml = `<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>
<Contents><Key>pine/a+b</Key><LastModified>x</LastModified><Size>12</Size></Contents><Contents><Size>0</Size><Key>a&lt;b&#34;</Key></Contents></ListBucketResult>`;
    expect(parseKeys(xml)).toEqual({
      keys: [
        ["pine/a+b", 12],
        ['a<b"', 0],
      ],
      next: "a&b=",
    });
    expect(parseKeys("<ListBucketResult></ListBucketResult>")).toEqual({ keys: [], next: undefined });
  });

  it.each([
    [
      403,
      "SignatureDoesNotMatch",
      /publish\.s3: the storage refused secretAccessKey; give the one that belongs to accessKeyId/,
    ],
    [403, "AccessDenied", /publish\.s3: the key may not do this in the bucket b; let it list/],
    [404, "NoSuchBucket", /publish\.s3: there is no bucket b at https:\/\/s3; make it/],
    [400, "AuthorizationHeaderMalformed", /publish\.s3: the storage refused region: what it says; give the region/],
    [418, "Odd", /publish\.s3: the storage answered 418 Odd what it says$/],
  ])("%i %s", (status, code, message) => {
    const xml = `<Error><Code>${code}</Code><Message>what it says</Message><StringToSign>x</StringToSign></Error>`;
    expect(s3Problem(status, xml, { endpoint: "https://s3", bucket: "b" }).message).toMatch(message);
  });

  it("a name with a + has a twin", () => {
    expect([twin(DELTA), twin("summary")]).toEqual(["deltas/aB/c_d e-fG/superblock", undefined]);
  });
});
