/** `npm run recipes`: makes the machine ready, then runs test/recipes/main.ts. */
import { campaign } from "./campaign.mjs";

campaign("test/recipes/main.ts", { only: (arg) => arg === "--help", ends: true });
