/** `npm run bench -- NAME [ROUNDS]`: ratios of programs that run side by side. Fails when one exceeds its limit. */
import { messageOf } from "../provider/errors.ts";
import { benchChange } from "./change.ts";
import { benchRam } from "./ram.ts";
import { benchRootfs } from "./rootfs.ts";
import { benchSize } from "./size.ts";

const BENCHES = { rootfs: benchRootfs, change: benchChange, ram: benchRam, size: benchSize };

const [name = "rootfs", rounds = "3"] = process.argv.slice(2);
const bench = BENCHES[name as keyof typeof BENCHES];
if (!bench || !/^[1-9]\d*$/.test(rounds)) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [ROUNDS]\n`);
  process.exit(2);
}
bench(Number(rounds), (line) => process.stdout.write(`${line}\n`)).then(
  (good) => process.exit(good ? 0 : 1),
  (error) => {
    process.stderr.write(`error: ${messageOf(error)}\n`);
    process.exit(2);
  },
);
