/** A reason not to go on, and how it is made. */

export interface Refusal {
  /** Stable name: "container", "secure-boot", "root-lvm", … */
  code: string;
  message: string;
  hint: string;
}

export const refuse = (code: string, message: string, hint: string): { refusals: Refusal[] } => ({
  refusals: [{ code, message, hint }],
});
export const refusal = (code: string, message: string, hint: string): Refusal => ({ code, message, hint });
