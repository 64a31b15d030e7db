/**
 * A few of the random Rootfs of `npm run recipes`, always the same ones: refused in check or preview, or built with
 * everything that was asked for.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inputs } from "../recipes/arbitrary.ts";
import { packageNames, Trial } from "../recipes/trial.ts";
import { type Bench, startBench } from "./life.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await startBench("recipes");
});
afterAll(() => bench?.end());

it("each is refused or has everything in it, and has no change afterwards", async () => {
  const kinds: string[] = [];
  for (const one of fc.sample(inputs(await packageNames(bench)), { numRuns: 8, seed: 4 })) {
    const { kind, faults, said } = await new Trial(bench, one).run();
    expect(faults, `${said}\n${JSON.stringify(one, undefined, 1)}`).toEqual([]);
    kinds.push(kind);
  }
  // neither all refused nor all taken
  expect(kinds).toEqual(expect.arrayContaining(["built", "refused"]));
});
