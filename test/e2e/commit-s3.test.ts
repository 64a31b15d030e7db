/**
 * Published to an S3-compatible storage, which checks signatures; everybody reads it by plain http, as Debian's ostree
 * does here.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../provider/image/store/store.ts";
import { Secret } from "../../provider/properties/values.ts";
import type { Publication } from "../../provider/publish/folder.ts";
import { publishRemote } from "../../provider/publish/remote.ts";
import { S3Remote } from "../../provider/publish/s3/place.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type S3Lab, startS3 } from "../lab/s3/index.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";
import { host, ostree, pullMeanwhile, REF, Versions } from "./publish-lab.ts";

let lab: ImageLab;
let store: Store;
let s3: S3Lab;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  s3 = await startS3("pine-lab");
});
afterAll(async () => {
  await s3?.end();
  await lab?.end();
});

const place = (prefix?: string) => {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  return { endpoint, bucket, prefix, accessKeyId, secretAccessKey };
};
const urlOf = (prefix?: string) => [s3.endpoint, s3.bucket, prefix].filter(Boolean).join("/");
const remote = (prefix?: string) => new S3Remote(place(prefix), lab.task);
const publishTo = (prefix: string | undefined, cache: string) => (p: Omit<Publication, "path">) =>
  publishRemote({ ...lab, store }, cache, remote(prefix), p);

describe("while it is published to, again and again", () => {
  it("whoever pulls gets one whole commit or the next; another machine goes on from what is there", async () => {
    const [prefix, cache] = ["a/b", lab.folder()];
    const versions = new Versions(lab, store);
    await pullMeanwhile(lab, versions, { url: urlOf(prefix), pulls: 8, seen: 3, publish: publishTo(prefix, cache) });
    const files = async () => [...(await remote(prefix).list()).keys()];
    expect((await files()).filter((f) => f.endsWith(".commit"))).toHaveLength(3);

    const other = { ref: "pine/other", checksum: versions.made[0]!, earlier: [], deltas: 0, fromEmpty: true };
    await publishTo(prefix, lab.folder())(other);
    await publishTo(prefix, cache)(await versions.next());
    const repo = await host(lab, urlOf(prefix));
    await ostree("pull", `--repo=${repo}`, "--mirror", "pine");
    expect((await ostree("refs", `--repo=${repo}`)).split("\n").sort()).toEqual(["pine/other", REF]);
    expect(await ostree("rev-parse", `--repo=${repo}`, REF)).toBe(versions.made.at(-1));
    await ostree("fsck", `--repo=${repo}`, "--quiet");

    // caches keep what never changes, and ask again for the rest
    for (const path of [...(await files())]) {
      const answer = await fetch(`${urlOf(prefix)}/${path.replaceAll("+", "%2B")}`, { method: "HEAD" });
      const content = /^(objects|deltas)\//.test(path);
      expect(answer.headers.get("cache-control"), path).toBe(
        content ? "public, max-age=31536000, immutable" : "no-cache",
      );
    }
    // who writes is always known, and what is named comes before what names it
    const puts = s3.asked.filter((line) => line.startsWith("PUT"));
    expect(puts.filter((line) => !line.endsWith(" true"))).toEqual([]);
    const named = (await files()).filter((path) => !/^(objects|deltas)\//.test(path)).length;
    const paths = puts.map((line) => line.replace(/^PUT \/pine-lab\/a\/b\/(.*) true$/, "$1"));
    const last = paths.filter((path) => !path.includes(" ")).slice(-named);
    const summary = last.indexOf("summary");
    expect(last.slice(0, summary).sort()).toEqual(expect.arrayContaining(["config", `refs/heads/${REF}`]));
    expect(last.filter((path) => path.startsWith("pine/"))).toEqual(last.slice(summary + 1));
    expect(last.slice(summary + 1)).toHaveLength(3);
  });

  it("a delta whose name has a + is there with a space, too, which AWS takes a + for", async () => {
    const versions = new Versions(lab, store);
    const cache = lab.folder();
    let plus: string[] = [];
    // 86 letters of 64: most have one
    for (let n = 0; n < 20 && plus.length === 0; n++) {
      await publishTo("plus", cache)(await versions.next());
      plus = [...(await remote("plus").list()).keys()].filter((path) => path.includes("+"));
    }
    for (const path of plus) {
      const [named, spaced] = await Promise.all(
        ["%2B", "%20"].map((c) => fetch(`${urlOf("plus")}/${path.replaceAll("+", c)}`).then((r) => r.arrayBuffer())),
      );
      expect(Buffer.from(spaced!).equals(Buffer.from(named!)), path).toBe(true);
    }
    expect(plus.length).toBeGreaterThan(0);
  });
});

describe("an OstreeCommit", () => {
  let system: Life;
  beforeAll(async () => {
    system = new Life(rootfs, lab.config(store));
    await system.up({ packages: [] });
  });
  const inputs = (change: object = {}) => {
    const { secretAccessKey, ...rest } = { ...place("system"), ...change } as ReturnType<typeof place>;
    return { rootfs: system.state.digest!, publish: { s3: { ...rest, secretAccessKey: new Secret(secretAccessKey) } } };
  };

  it("is in the bucket, and has no change while that offers it", async () => {
    const life = new Life(ostreeCommit, lab.config(store));
    await life.preview(inputs());
    const { checksum } = await life.up(inputs());
    expect(JSON.stringify(life.state)).not.toContain(s3.secretAccessKey);
    expect(await life.diff(inputs())).toEqual({ detailed: {}, changes: false });
    const repo = await host(lab, urlOf("system"), "bare-user");
    await ostree("pull", `--repo=${repo}`, "pine", "pine/x86_64/stable");
    expect(await ostree("rev-parse", `--repo=${repo}`, "pine:pine/x86_64/stable")).toBe(checksum);
    await remote("system").remove(["refs/heads/pine/x86_64/stable"]);
    expect(await life.diff(inputs())).toEqual({ detailed: {}, changes: true });
  });

  const SECRET = "another/Secret+0123456789abcdefg";
  it.each<[string, object, RegExp]>([
    ["another secret", { secretAccessKey: SECRET }, /publish\.s3: the storage refused secretAccessKey; give the one/],
    ["another key", { accessKeyId: "SOMEBODY" }, /publish\.s3: the storage does not know accessKeyId/],
    [
      "a bucket that is not there",
      { bucket: "nonesuch" },
      /publish\.s3: there is no bucket nonesuch at http.*; make it/,
    ],
    [
      "nobody there",
      { endpoint: "http://127.0.0.1:65533" },
      /publish\.s3: http:\/\/127\.0\.0\.1:65533 cannot be reached: .*ECONNREFUSED/,
    ],
    [
      "an endpoint with a path",
      { endpoint: "https://s3.example.com/x" },
      /publish\.s3\.endpoint: expected the address/,
    ],
  ])("refuses %s in preview, and says no secret", async (_, change, message) => {
    const life = new Life(ostreeCommit, lab.config(store));
    const said = await life.preview(inputs(change)).then(
      () => "",
      (e: Error) => `${e.message} ${e.stack} ${JSON.stringify(life.said)}`,
    );
    expect(said).toMatch(message);
    expect(said).not.toContain(SECRET);
    expect(said).not.toContain(s3.secretAccessKey);
  });

  it("refuses a folder in the bucket with something else", async () => {
    const { secretAccessKey, ...rest } = place("photos");
    const files = remote("photos");
    const dir = lab.folder();
    await writeFile(`${dir}/cat.jpg`, "cat");
    await files.put(["cat.jpg"], dir, () => {});
    const life = new Life(ostreeCommit, lab.config(store));
    const publish = { s3: { ...rest, secretAccessKey } };
    await expect(life.preview({ rootfs: system.state.digest!, publish })).rejects.toThrow(
      /publish\.s3: .*\/photos holds something else: give an empty bucket or another prefix/,
    );
  });
});
