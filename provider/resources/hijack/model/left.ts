/**
 * Updates that were left for later, because the server could not be reached. The engine takes their inputs for those
 * that hold; what the server was given before is remembered in the state until an update is done. Pure.
 */
import { hasSecret, type Props, plain, Secret, type Value } from "../../../properties/values.ts";
import { type HijackInputs, hijackInputs } from "./inputs.ts";
import type { HijackState } from "./state.ts";

/** Inputs whose removal must be seen: a key that is gone from the program must go from the server. */
const LISTS = ["authorizedKeys", "kernelArguments"] as const;

/** What the server may have of the inputs before, and of those that were left before them. Keeps secrets. */
export function leftFrom(olds: Props, oldInputs: Props): Props {
  const earlier = (olds.leftFrom ?? {}) as Props;
  const both = (name: string): Value => {
    const all = [...(plain(earlier[name]) ?? []), ...(plain(oldInputs[name]) ?? [])];
    const secret = hasSecret(earlier[name]) || hasSecret(oldInputs[name]);
    const once = [...new Set(all)];
    return secret ? new Secret(once) : once;
  };
  const { attempt } = hijackInputs(oldInputs);
  return { ...Object.fromEntries(LISTS.map((name) => [name, both(name)])), attempt: earlier.attempt ?? attempt };
}

/** The inputs that the server was given last, as far as the next update needs them. */
export function inputsBefore(oldInputs: Props, state: Pick<HijackState, "leftFrom"> | undefined): HijackInputs {
  return { ...hijackInputs(oldInputs), ...(plain(state?.leftFrom) as Partial<HijackInputs> | undefined) };
}
