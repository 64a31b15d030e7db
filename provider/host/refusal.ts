/** A reason not to go on, and how it is made. */

export interface Refusal {
  /** Stable name: "container", "secure-boot", "root-lvm", … */
  code: string;
  message: string;
  hint: string;
}

export const refusal = (code: string, message: string, hint: string): Refusal => ({ code, message, hint });

type Why = Parameters<typeof refusal>;
/** In place of a plan. */
export const refuse = (...why: Why): { refusals: Refusal[] } => ({ refusals: [refusal(...why)] });
/** In place of a choice that a plan needs. */
export const refuseChoice = (...why: Why): { refusal: Refusal } => ({ refusal: refusal(...why) });
