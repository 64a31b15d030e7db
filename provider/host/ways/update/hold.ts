/** A person's hold that came after the server was looked at: sending takes minutes, and a turn may be waited for. */
import { die } from "../../../errors.ts";
import { agent } from "../../server/agent.ts";
import { assignments } from "../../ssh/answers.ts";
import type { Ssh } from "../../ssh/types.ts";
import { heldRefusal } from "./by-hand.ts";

/** Dies where a person holds the server. */
export async function checkHold(ssh: Ssh): Promise<void> {
  const said = assignments((await agent(ssh, ["held"], 60_000)).split("\n"));
  if (said.held !== "1") return;
  const { since = "", by = "", reason = "" } = said;
  const { message, hint } = heldRefusal({ since, by, reason });
  die(message, hint);
}
