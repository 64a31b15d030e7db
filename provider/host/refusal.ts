/** A reason not to go on, and how one is found. */
import type { Facts } from "./facts/types/facts.ts";
import type { ImageFacts, PlanInputs, Refusal } from "./plan-types.ts";

export type Check = (facts: Facts, inputs: PlanInputs, image: ImageFacts) => Refusal | false | undefined;
export const refusal = (code: string, message: string, hint: string): Refusal => ({ code, message, hint });
