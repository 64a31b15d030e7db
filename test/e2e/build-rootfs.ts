/**
 * Builds a Rootfs in a process of its own: `{config, inputs}` as JSON in the first argument, and of one that is in a state already `known`;
 * answers the state as JSON.
 */
import { rootfs } from "../../provider/resources/rootfs.ts";
import { Life } from "./life.ts";

const { config, inputs, known } = JSON.parse(process.argv[2] ?? "");
const life: Life = Object.assign(new Life(rootfs, config), known);
life.up(inputs).then(
  (state) => console.log(JSON.stringify({ digest: state.digest, checksum: state.checksum })),
  (e) => {
    console.error(e);
    process.exitCode = 1;
  },
);
