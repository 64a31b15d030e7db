/**
 * Makes a disk image, or with `template` (its format) a container template, in a process of its own:
 * `{config, checksum, options, template}` as JSON in the first argument; answers its facts.
 */
import { diskImage } from "../../provider/image/disk/image.ts";
import { Store } from "../../provider/image/store/store.ts";
import { containerTemplate } from "../../provider/image/template/template.ts";
import { machineArch } from "../../provider/image/toolbox/arch.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { quietTask } from "../../provider/task.ts";

const { config, checksum, options, template } = JSON.parse(process.argv[2] ?? "");
const task = quietTask();
Promise.all([Store.open(config.store), toolbox({ ...config, arch: machineArch() }, task)])
  .then(
    ([store, toolbox]): Promise<object> =>
      template
        ? containerTemplate({ store, toolbox, task }, checksum, template)
        : diskImage({ store, toolbox, task }, checksum, options),
  )
  .then(
    (image) => console.log(JSON.stringify(image)),
    (e) => {
      console.error(e);
      process.exitCode = 1;
    },
  );
