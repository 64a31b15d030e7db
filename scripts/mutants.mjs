/** `npm run mutants`: makes the machine ready, then runs test/mutants/main.ts. */
import { campaign } from "./campaign.mjs";

campaign("test/mutants/main.ts", { only: (arg) => arg === "--help" || arg === "--list" });
