/** Servers that pull, and one key that may be lost: preview asks for a spare one (59: ublue-os/bluefin#1484). */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Props, Secret, Unknown } from "../../../../provider/properties/values.ts";
import type { Resource } from "../../../../provider/resource.ts";
import { ostreeCommit } from "../../../../provider/resources/commit/commit.ts";
import { ring } from "../../../../provider/resources/ring/ring.ts";
import { publicKeyOf } from "../../../../provider/trust/signify.ts";
import { keyOf, keyText } from "../../trust/a-manifest.ts";
import { call, digest, dir } from "../store-fixture.ts";

const signingKey = new Secret(keyText(1));
const spare = { spareKeys: [publicKeyOf(keyOf(2))] };
const commit = { rootfs: digest, signingKey };
const first = { commit: Unknown.value, branch: "pine/web/canary", signingKey, publish: "there" };
const later = { ...first, after: { a: {} } };

test.each<[string, Resource, Props, boolean]>([
  ["a commit that is published", ostreeCommit, { ...commit, publish: "there" }, true],
  ["with a spare key", ostreeCommit, { ...commit, ...spare, publish: "there" }, false],
  ["with the key before", ostreeCommit, { ...commit, oldSigningKey: new Secret(keyText(2)), publish: "there" }, false],
  ["one that nobody pulls", ostreeCommit, commit, false],
  ["the first ring of a fleet", ring, first, true],
  ["with a spare key", ring, { ...first, ...spare }, false],
  ["a ring after it", ring, later, false],
])("%s", async (_, resource, given, told) => {
  const said: string[] = [];
  mkdirSync(join(dir, "www"));
  const inputs = given.publish ? { ...given, publish: { folder: join(dir, "www") } } : given;
  await resource.create({ ...call(), info: (line: string) => said.push(line) }, { inputs } as never);
  const asked = said.filter((line) => line.includes("spareKeys"));
  expect(asked).toEqual(
    told
      ? ["servers that pull trust one key only: put the public half of another one, kept elsewhere, in spareKeys"]
      : [],
  );
});
