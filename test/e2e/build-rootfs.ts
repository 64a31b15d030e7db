/**
 * Builds a Rootfs in a process of its own: `{config, inputs}` as JSON in the first argument, of one that is in a state
 * already `known`, and under another `umask`; answers the state as JSON. `cloned`: a bundle of git's that is cloned
 * `to` a folder, for an archive `at` that path.
 */
import { Archive } from "../../provider/properties/values.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { clone } from "../recipes/source.ts";
import { Life } from "./life.ts";

const { config, inputs, known, umask, cloned } = JSON.parse(process.argv[2] ?? "");
if (umask !== undefined) process.umask(umask);
const life: Life = Object.assign(new Life(rootfs, config), known);
async function up() {
  if (!cloned) return life.up(inputs);
  await clone(cloned.bundle, cloned.to);
  return life.up({ ...inputs, files: { ...inputs.files, [cloned.at]: { archive: new Archive({ path: cloned.to }) } } });
}
up().then(
  (state) => console.log(JSON.stringify({ digest: state.digest, checksum: state.checksum })),
  (e) => {
    console.error(e);
    process.exitCode = 1;
  },
);
