import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { FIRST, GROUPS, LONG } from "./scripts/groups.mjs";

const MINUTE = 60_000;
const cores = Math.min(2, availableParallelism());

/**
 * How many files run at once, and after whom. The quick ones mostly wait, for processes and clocks; those that are run
 * by name have several machines each.
 */
const QUICK = { order: 0, atOnce: 2 * cores };
const LONGER = { order: 1, atOnce: cores + 1 };
const NAMED = { order: 2, atOnce: cores };
const turnOf = (name: string) => (LONG.includes(name) ? (GROUPS[name].named ? NAMED : LONGER) : QUICK);

class LongestFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at < 0 ? FIRST.length : at;
    };
    const order = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return (await super.sort(specs)).sort((a, b) => order(a) - order(b) || place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: Object.entries(GROUPS).map(([name, { include, exclude = [] }]) => ({
      test: {
        name,
        include,
        exclude,
        pool: "forks",
        sequence: { groupOrder: turnOf(name).order },
        maxWorkers: turnOf(name).atOnce,
        testTimeout: (LONG.includes(name) ? 30 : 3) * MINUTE,
        hookTimeout: (LONG.includes(name) ? 30 : 3) * MINUTE,
        teardownTimeout: 30_000,
      },
    })),
  },
});
