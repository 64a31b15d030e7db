/**
 * Builds a Rootfs in a process of its own: `{config, inputs}` as JSON in the first argument, of one that is in a state already `known`, and under
 * another `umask`; answers the state as JSON.
 */
import { rootfs } from "../../provider/resources/rootfs.ts";
import { Life } from "./life.ts";

const { config, inputs, known, umask } = JSON.parse(process.argv[2] ?? "");
if (umask !== undefined) process.umask(umask);
const life: Life = Object.assign(new Life(rootfs, config), known);
life.up(inputs).then(
  (state) => console.log(JSON.stringify({ digest: state.digest, checksum: state.checksum })),
  (e) => {
    console.error(e);
    process.exitCode = 1;
  },
);
