/** The result of one operation on a server. */
import type { Facts } from "../../../host/facts/types/facts.ts";
import type { Plan } from "../../../host/plan/types.ts";
import type { AgentStatus } from "../../../host/server/agent.ts";
import type { TrialResult } from "../../../host/trial/trial.ts";

/** What one operation changes; the caller turns it into state. */
export interface Outcome {
  result: TrialResult | { outcome: "unchanged"; status: AgentStatus };
  sent: number;
  plan?: Plan;
  /** The old system's facts; unknown when this run continues in the RAM system. */
  facts?: Facts;
  hostKey: string;
  previous?: string;
  /** The old system was removed for good. */
  finalized?: boolean;
  /** Root's keys as they are now. */
  rootKeys?: string[];
}
