/** `npm run faults`: makes the machine ready, then runs test/faults/main.ts. */
import { campaign } from "./campaign.mjs";

campaign("test/faults/main.ts", { only: (arg) => arg === "--help" || arg.startsWith("--summary"), ends: true });
