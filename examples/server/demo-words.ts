/**
 * Words that the demo waits for in Pulumi's output. test/e2e/hijack-life.test.ts waits for them too, so that `npm test`
 * fails when a message changed that the demo needs.
 */
export const WORDS = {
  packages: /\d+ packages, linux-virt 6\.\S+, \d+ MB/,
  alongside: /alongside Debian.*reboot.*keeps 10\.0\.2\.15/,
  unhealthy: /health check \d of \d \(http\) failed/,
  refused: /failed on this server before/,
} as const;
