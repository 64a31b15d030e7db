/** Whether LXC can run on this machine. */
import { messageOf } from "../../../provider/errors.ts";
import { run } from "../../../provider/run.ts";
import { openStage } from "./stage.ts";

const PROGRAMS = [
  "lxc-start",
  "lxc-usernsexec",
  "newuidmap",
  "nsenter",
  "ip",
  "python3",
  "mke2fs",
  "losetup",
  "chattr",
  "mmdebstrap",
];

/** Why the lab's LXC containers cannot run here; undefined when they can. Changes nothing of the machine. */
export async function lxcMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "LXC containers need root: run the test with sudo";
  const { stdout } = await run("sh", [
    "-c",
    'for p; do command -v "$p" >/dev/null || echo "$p"; done',
    "sh",
    ...PROGRAMS,
  ]);
  if (stdout) return `LXC containers need ${stdout.split("\n").join(", ")}: npm run setup`;
  try {
    await (await openStage()).end();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
