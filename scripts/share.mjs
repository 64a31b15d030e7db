/** `npm run share`: makes the machine ready, then runs test/share/main.ts. */
import { campaign } from "./campaign.mjs";

campaign("test/share/main.ts", { only: (arg) => arg === "--help", ends: true });
