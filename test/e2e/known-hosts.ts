/**
 * Run in a mount namespace with a home of its own: opens the connection on standard input, says which host key was seen
 * or what was wrong.
 */
import { readFileSync } from "node:fs";
import { withSsh } from "../../provider/host/ssh/open.ts";
import { quietTask } from "../../provider/task.ts";

withSsh(JSON.parse(readFileSync(0, "utf8")), quietTask(), async (ssh) => ssh.hostKeySeen).then(
  (seen) => console.log(seen),
  (error) => console.log(`${error.code}: ${error.message}`),
);
