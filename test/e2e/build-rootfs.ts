/** Builds a Rootfs in a process of its own: `{config, inputs}` as JSON in the first argument; answers the state as JSON. */
import { rootfs } from "../../provider/resources/rootfs.ts";
import { Life } from "./life.ts";

const { config, inputs } = JSON.parse(process.argv[2] ?? "");
new Life(rootfs, config).up(inputs).then(
  (state) => console.log(JSON.stringify({ digest: state.digest, checksum: state.checksum })),
  (e) => {
    console.error(e);
    process.exitCode = 1;
  },
);
