/** For count.test.mjs: a file whose own hook fails, so that none of its tests runs. */
import { beforeAll, describe, test } from "vitest";

beforeAll(() => {
  throw new Error("not prepared");
});
test("never runs", () => undefined);
describe("inside", () => {
  test("nor does this", () => undefined);
  test.skip("was left out by somebody", () => undefined);
});
