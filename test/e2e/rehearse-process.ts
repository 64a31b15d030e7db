/** Rehearses a commit in a process of its own: `{config, checksum, guest}` as JSON in the first argument. */
import { readCommit } from "../../provider/image/ostree/commits.ts";
import { Store } from "../../provider/image/store/store.ts";
import { machineArch } from "../../provider/image/toolbox/arch.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { rehearse } from "../../provider/rehearsal/rehearse.ts";
import { quietTask } from "../../provider/task.ts";

const { config, checksum, guest } = JSON.parse(process.argv[2] ?? "");

async function main() {
  const task = quietTask();
  const store = await Store.open(config.store);
  const box = await toolbox({ ...config, arch: machineArch() }, task);
  const commit = await readCommit(store, checksum);
  console.log(JSON.stringify(await rehearse({ store, toolbox: box, task }, commit!, guest)));
}
main().catch((e) => {
  console.error(e);
  process.exitCode = 1;
});
