/** Whether LXC can run on this machine. */
import { messageOf } from "../../../provider/errors.ts";
import { run } from "../../../provider/local/run.ts";
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

let answer: Promise<string | undefined> | undefined;

/**
 * Why the lab's LXC containers cannot run here; undefined when they can. Looks once a process, and changes nothing of
 * the machine.
 */
export function lxcMissing(): Promise<string | undefined> {
  answer ??= look();
  return answer;
}

async function look(): Promise<string | undefined> {
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
