/** Counts what vitest ran. */

export const count = () => ({ passed: 0, failed: 0, skipped: 0 });

/** Whether a test did not run because a hook of its file or suite failed: vitest calls it skipped. */
function unprepared(test) {
  if (test.result().state !== "skipped" || test.options.mode !== "run") return false;
  for (let at = test.parent; at; at = at.parent) if (at.errors().length > 0) return true;
  return false;
}

/**
 * A vitest reporter that adds to `total`: tests, and failures outside of a test (a file that does not load, a hook, a
 * stray rejection). `seen` gets the names of the projects that ran.
 */
export function counter(total, seen) {
  return {
    onTestRunEnd(modules, unhandled) {
      total.failed += unhandled.length;
      for (const module of modules) {
        seen.add(module.project.name);
        total.failed += module.errors().length;
        for (const suite of module.children.allSuites()) total.failed += suite.errors().length;
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          total[state === "pending" || unprepared(test) ? "failed" : state]++;
        }
      }
    },
  };
}
