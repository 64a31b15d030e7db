/** Writes a server's settings for updates. */
import { updatesScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** `text`: settingsText; undefined: the server looks for updates no more. */
export async function writeUpdates(ssh: Ssh, text: string | undefined): Promise<void> {
  const what = "the settings of updates";
  await ssh.exec(updatesScript(), [text === undefined ? "remove" : "set"], { root: true, input: text ?? "", what });
}
