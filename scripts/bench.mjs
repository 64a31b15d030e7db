/** `npm run bench`: makes the machine ready, then runs bench/main.ts. */
import { campaign } from "./campaign.mjs";

campaign("bench/main.ts");
