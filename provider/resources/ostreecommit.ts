/** Not written yet. */
import { die } from "../errors.ts";
import type { Resource } from "../resource.ts";

const later = async () => die("OstreeCommit: not written yet");

export const ostreeCommit: Resource = {
  check: later,
  diff: later,
  create: later,
  read: later,
  update: later,
  delete: later,
};
