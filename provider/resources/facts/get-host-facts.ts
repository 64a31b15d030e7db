/** getHostFacts: what a server is, read over SSH. Writes nothing there. */
import { readFacts } from "../../host/facts/facts.ts";
import type { Connection } from "../../host/ssh/connection.ts";
import { withSsh } from "../../host/ssh/open.ts";
import type { Ssh } from "../../host/ssh/types.ts";
import { checkProps } from "../../properties/rule.ts";
import { hasUnknown, type Props, plain } from "../../properties/values.ts";
import type { Invoke } from "../../resource.ts";
import { connectionRule } from "../connection-shape.ts";
import { allFacts } from "./output.ts";

export const getHostFacts: Invoke = async (call, args) => {
  const { inputs, failures } = checkProps(args, { connection: connectionRule });
  if (failures.length > 0) return { failures };
  if (hasUnknown(inputs))
    return { failures: [{ property: "connection", reason: "is not known yet; call getHostFacts with known values" }] };
  const { connection } = plain(inputs) as Props as { connection: Connection };
  call.step(`reading facts of ${connection.host}`);
  const read = async (ssh: Ssh) => ({
    result: { facts: allFacts(await readFacts(ssh)), hostKey: ssh.hostKeySeen },
  });
  return withSsh(connection, call, read, { sessions: 1 });
};
