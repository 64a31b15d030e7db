/**
 * Published over SSH: a real sshd, a folder that Python's web server serves, and hosts that pull by Debian's ostree.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Connection } from "../../provider/host/ssh/connection.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { Secret } from "../../provider/properties/values.ts";
import { type Publication, publishedCommit } from "../../provider/publish/folder.ts";
import { publishRemote } from "../../provider/publish/remote.ts";
import { withSshRemote } from "../../provider/publish/ssh/place.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { startSshd } from "../lab/sshd/index.ts";
import { newKey } from "../lab/vps/key.ts";
import { ended } from "./hanging.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";
import { ostree, pullMeanwhile, REF, serve, Versions } from "./publish-lab.ts";

let lab: ImageLab;
let store: Store;
let sshd: Awaited<ReturnType<typeof startSshd>>;
let stranger: string;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  sshd = await startSshd(lab.folder());
  const key = join(lab.folder(), "stranger");
  await newKey(key, "ed25519", "a stranger");
  stranger = readFileSync(key, "utf8");
});
afterAll(async () => {
  await sshd?.end();
  await lab?.end();
});

/** Publishes as an OstreeCommit does, with a cache that may be another machine's. */
const publishTo = (path: string, cache: string) => (p: Omit<Publication, "path">) =>
  withSshRemote(sshd.connection, path, lab.task, (remote) => publishRemote({ ...lab, store }, cache, remote, p));

describe("while it is published to over SSH, again and again", () => {
  it("whoever pulls gets one whole commit or the next; another machine goes on from what is there", async () => {
    const [path, cache] = [lab.folder(), lab.folder()];
    writeFileSync(join(path, ".pine.held"), ""); // what another time left
    const versions = new Versions(lab, store);
    const { url, end } = await serve(path);
    await pullMeanwhile(lab, versions, { url, pulls: 5, seen: 2, publish: publishTo(path, cache) }).finally(end);
    const commits = () =>
      readdirSync(join(path, "objects"))
        .flatMap((d) => readdirSync(join(path, "objects", d)))
        .filter((name) => name.endsWith(".commit"));
    expect(commits()).toHaveLength(3);
    expect(existsSync(join(path, ".pine.new"))).toBe(false);

    // another machine with a branch of its own takes nothing away
    const elsewhere = lab.folder();
    const other = { ref: "pine/other", checksum: versions.made[0]!, earlier: [], deltas: 0, fromEmpty: true };
    await publishTo(path, elsewhere)(other);
    expect((await ostree("refs", `--repo=${path}`)).split("\n").sort()).toEqual(["pine/other", REF]);
    expect(commits()).toHaveLength(4);
    // and the first knows of it
    await publishTo(path, cache)(await versions.next());
    expect(await publishedCommit(path, "pine/other")).toBe(versions.made[0]);
    expect(await publishedCommit(path, REF)).toBe(versions.made.at(-1));
    await ostree("fsck", `--repo=${path}`, "--quiet");
    await ostree("ls", `--repo=${path}`, "-R", REF);

    // two at a time: one waits for the other
    const [third, fourth] = [await versions.next(), { ...other, ref: "pine/third" }];
    await Promise.all([publishTo(path, cache)(third), publishTo(path, elsewhere)(fourth)]);
    expect((await ostree("summary", `--repo=${path}`, "--view")).match(/^\* .*$/gm)?.sort()).toEqual(
      ["* pine/other", `* ${REF}`, "* pine/third"].sort(),
    );
    await ostree("fsck", `--repo=${path}`, "--quiet");
  });
});

it("a publication that is cut off shows nothing, holds nothing, and is gone on with, from another machine without the earlier commits", async () => {
  const [path, cache] = [lab.folder(), lab.folder()];
  const versions = new Versions(lab, store);
  await publishTo(path, cache)(await versions.next());
  const next = await versions.next();
  const said: string[] = [];
  for (const moment of [/^publishing/, /^sending/]) {
    const cut = new AbortController();
    const step = (line: string) => {
      said.push(line);
      if (moment.test(line)) cut.abort();
    };
    const task = { signal: cut.signal, warn() {}, step };
    const cutOff = withSshRemote(sshd.connection, path, task, (remote) =>
      publishRemote({ ...lab, store, task }, cache, remote, next),
    );
    await expect(ended(`the publication cut off at ${moment}`, said, cutOff)).rejects.toThrow(/abort/i);
    expect(await publishedCommit(path, REF)).toBe(versions.made[0]);
  }
  const other = await lab.ownStore();
  const there = new Versions(lab, other);
  there.made.push(versions.made[0]!);
  expect((await there.next()).checksum).toBe(next.checksum);
  const task = { ...lab.task, step: (line: string) => void said.push(line) };
  const again = { ...next, earlier: [...next.earlier, "ab".repeat(32)] };
  const goingOn = withSshRemote(sshd.connection, path, task, (remote) =>
    publishRemote({ ...lab, store: other, task }, lab.folder(), remote, again),
  );
  await ended("the publication from another machine", said, goingOn);
  expect(await publishedCommit(path, REF)).toBe(next.checksum);
  // the one before is there, and a delta from it, though that store has none of it
  expect(await ostree("static-delta", "list", `--repo=${path}`)).toContain(`${versions.made[0]}-${next.checksum}`);
  await ostree("fsck", `--repo=${path}`, "--quiet");
  expect(existsSync(join(path, ".pine.new"))).toBe(false);
});

describe("an OstreeCommit", () => {
  let system: Life;
  beforeAll(async () => {
    system = new Life(rootfs, lab.config(store));
    await system.up({ packages: [] });
  });

  const inputs = (path: string, c: Partial<Connection> = {}) => {
    const { privateKey, ...rest } = { ...sshd.connection, ...c };
    return {
      rootfs: system.state.digest!,
      publish: { ssh: { connection: { ...rest, privateKey: new Secret(privateKey!) }, folder: path } },
    };
  };

  it("is in the folder, has no change while that offers it, and is published again when it does not", async () => {
    const path = lab.folder();
    const life = new Life(ostreeCommit, lab.config(store));
    await life.preview(inputs(path));
    expect(readdirSync(path)).toEqual([]);
    const { checksum } = await life.up(inputs(path));
    expect(await publishedCommit(path, "pine/x86_64/stable")).toBe(checksum);
    expect(await life.diff(inputs(path))).toEqual({ detailed: {}, changes: false });
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
    expect(await life.diff(inputs(path))).toEqual({ detailed: {}, changes: true });
    await life.up(inputs(path));
    expect(existsSync(join(path, "summary"))).toBe(true);
  });

  it.each<[string, () => object, RegExp]>([
    [
      "a folder that is not there",
      () => inputs("/nonesuch/www"),
      /publish\.ssh\.folder: \/nonesuch\/www is not there: make it/,
    ],
    ["a folder with something else", () => inputs(made("photos")), /holds something else: give an empty folder/],
    ["a folder that it may not write", () => inputs(sshd.readonly), /cannot be written by that user/],
    ["a file", () => inputs(join(made("file"), "file")), /is not a folder/],
    [
      "another host key",
      () => inputs("/srv", { hostKey: sshd.connection.hostKey!.replace(/.{8}$/, "AAAAAAAA") }),
      /publish\.ssh: .*wrong host key/,
    ],
    [
      "nobody there",
      () => inputs("/srv", { port: 1 }),
      /publish\.ssh: the server .*:1 cannot be reached.*check publish\.ssh\.connection\.host/,
    ],
    // not another user: an sshd that is not root's lets in none, and says nothing
    [
      "a stranger",
      () => inputs("/srv", { privateKey: stranger }),
      /publish\.ssh: .*refused publish\.ssh\.connection\.privateKey/,
    ],
  ])("refuses %s in preview", async (_, value, message) => {
    const life = new Life(ostreeCommit, lab.config(store));
    await expect(life.preview(value() as never)).rejects.toThrow(message);
  });

  function made(name: string): string {
    const dir = lab.folder();
    writeFileSync(join(dir, name), "");
    return dir;
  }
});
