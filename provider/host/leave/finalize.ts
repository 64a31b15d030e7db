/**
 * Gives the old system up: GRUB's configuration or the container's init becomes ours alone, and the old system's files
 * are removed. There is no way back.
 */
import { assetText } from "../../assets.ts";
import { managersPrograms } from "../../boot/managers.ts";
import { slotsConfig } from "../../boot/place.ts";
import type { Task } from "../../task.ts";
import type { Facts } from "../facts/types/facts.ts";
import { slotsOf } from "../plan/boot.ts";
import { finalizeScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** Every step can be run again; the first one ends the way back. Answers the bytes that were freed. */
export async function finalizeHost(ssh: Ssh, facts: Facts, task: Task): Promise<number> {
  const container = facts.container !== undefined;
  const script = finalizeScript(container);
  task.step(container ? "making the container's init start only Pine" : "making GRUB's configuration start only Pine");
  const input = container ? "" : slotsConfig(assetText("system/grub/image.cfg"), slotsOf(facts));
  await ssh.exec(script, ["config"], { input, timeout: 300_000, what: "removeOldSystem: making Pine the only system" });
  task.step("removing the old system");
  const left: string[] = [];
  let freed = 0;
  await ssh.exec(script, ["remove"], {
    ...(container
      ? {
          input: managersPrograms()
            .map((path) => `${path.slice(1)}\n`)
            .join(""),
        }
      : {}),
    timeout: 0,
    what: "removeOldSystem: removing the old system",
    onLine: (line) => {
      if (/^removing \//.test(line)) task.step(`removing the old system: ${line.slice("removing ".length)}`);
      if (/^kept \//.test(line))
        task.warn(`the data that destroy kept of an earlier installation is now in ${line.slice(5)}`);
      if (/^left \//.test(line)) left.push(line.slice("left ".length));
      const kib = /^freed (-?\d+)$/.exec(line)?.[1];
      if (kib) freed = Number(kib) * 1024;
    },
  });
  if (left.length > 0) task.warn(`these parts of the old system could not be removed: ${left.join(", ")}`);
  return freed;
}
