/** What previews of images tell the previews of servers. */
import { expect, it } from "vitest";
import { noteDisk, smallestDisk } from "../../../provider/resources/estimates.ts";

it("of disk images the smallest counts, and nothing is known when one's size is not", () => {
  expect(smallestDisk()).toBeUndefined();
  const seen = [2048, 1024, 4096, 0, 512].map((bytes) => {
    noteDisk(bytes);
    return smallestDisk();
  });
  expect(seen).toEqual([2048, 1024, 1024, undefined, undefined]);
});
