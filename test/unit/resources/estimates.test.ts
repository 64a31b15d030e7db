/** What previews of images tell the previews of servers. */
import { expect, it } from "vitest";
import { noDiskFits, noteDisk, smallestDisk } from "../../../provider/resources/estimates.ts";

// one process, one run: what is noted stays
it("an overwrite is refused only where no disk image of the run can be written", () => {
  expect(noDiskFits()).toBeUndefined();
  expect(smallestDisk()).toBeUndefined();
  noteDisk(2048, 'format: "tar"');
  expect(noDiskFits()).toBe('format: "tar"');
  noteDisk(2048);
  expect(noDiskFits()).toBeUndefined();
  noteDisk(2048, 'partitionTable: "mbr"');
  expect(noDiskFits()).toBeUndefined();
});

it("of disk images the smallest counts, and nothing is known when one's size is not", () => {
  const seen = [2048, 1024, 4096, 0, 512].map((bytes) => {
    noteDisk(bytes);
    return smallestDisk();
  });
  expect(seen).toEqual([2048, 1024, 1024, undefined, undefined]);
});
