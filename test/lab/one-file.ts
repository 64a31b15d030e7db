/** How a test makes a program of its own in one file, which node starts anywhere: what is given to esbuild. */
import type { BuildOptions } from "esbuild";

export const ONE_FILE = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  logLevel: "silent",
  define: { "import.meta.dirname": "__dirname" },
} as const satisfies BuildOptions;
