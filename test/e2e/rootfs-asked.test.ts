/**
 * What the program asked for is looked for in the commit, and the first that is not there is the error. Files that were
 * put where a package's link leads to /run went without a word; what builds leave in /run and /var is the same to other
 * builders (ostreedev/ostree-rs-ext#367).
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type Bench, Life, startBench } from "./life.ts";

let bench: Bench;
beforeAll(async () => {
  const files = [{ path: "etc/leads", target: "../run" }];
  bench = await startBench("asked", { add: [{ name: "leads", version: "1-r0", description: "leads", files }] });
});
afterAll(() => bench?.end());

const refused = (inputs: object) =>
  new Life(rootfs, bench.config).up({ target: "container", ...inputs }).then(
    () => expect.fail("it was built"),
    (e: Error) => e.message,
  );
const files = { "/etc/mine": { content: "mine" } };

it.each<[string, object, RegExp]>([
  [
    "a file behind a package's link to /run",
    { packages: ["leads"], files: { "/etc/leads/x": { content: "x" } } },
    /^files\["\/etc\/leads\/x"\]: \/etc\/leads\/x is not in the image; its path is in a folder where an image keeps nothing/,
  ],
  [
    "a file that a hook removes",
    { files, buildCommands: ["rm /etc/mine"] },
    /^files\["\/etc\/mine"\]: \/etc\/mine is not in the image; a command of `buildCommands` removed it/,
  ],
  [
    "a user whom a hook removes",
    { users: [{ name: "bob", authorizedKeys: [] }], buildCommands: ["sed -i /^bob:/d /etc/passwd"] },
    /^users: \/etc\/passwd has no user bob; a command of `buildCommands`/,
  ],
  [
    "a service that a hook takes out",
    { services: { default: ["crond"] }, buildCommands: ["rm /etc/runlevels/default/crond"] },
    /^services\.default: \/etc\/runlevels\/default\/crond is not in the image/,
  ],
  [
    "a package that a hook removes",
    { packages: ["tree"], buildCommands: ["apk del --no-network tree"] },
    /^packages: apk's database has no tree, and \S+ is locked; a command of `buildCommands`/,
  ],
])("%s is told of", async (_, inputs, why) => expect(await refused(inputs)).toMatch(why));

it("what a hook changes is its own affair", async () => {
  const life = new Life(rootfs, bench.config);
  await life.up({
    target: "container",
    files,
    buildCommands: ["echo more >>/etc/mine; chmod 600 /etc/mine; rm /etc/motd"],
  });
  expect(life.state.checksum).toMatch(/^[0-9a-f]{64}$/);
});
