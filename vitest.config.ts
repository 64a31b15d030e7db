import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { GROUPS, LONG } from "./scripts/groups.mjs";

const MINUTE = 60_000;
const atOnce = Math.min(2, availableParallelism());

export default defineConfig({
  test: {
    projects: Object.entries(GROUPS).map(([name, { include, exclude = [] }]) => ({
      test: {
        name,
        include,
        exclude,
        pool: "forks",
        // the quick groups first, then the long ones
        sequence: { groupOrder: LONG.includes(name) ? 1 : 0 },
        maxWorkers: atOnce,
        testTimeout: LONG.includes(name) ? 30 * MINUTE : MINUTE,
        hookTimeout: LONG.includes(name) ? 30 * MINUTE : MINUTE,
        teardownTimeout: 30_000,
      },
    })),
  },
});
