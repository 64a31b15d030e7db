/**
 * `overwrite` of a HostHijack: what an overwrite needs is one object, so that none of it can be given without the rest.
 * What follows knows its parts beside the other inputs. Pure.
 */
import { topOf } from "../../../properties/path.ts";
import { isUnknown, type Props, Secret, type Value } from "../../../properties/values.ts";

const PARTS = ["erase", "image", "disk", "dataPartitions"];

/** The inputs with the parts of `overwrite` beside the others. All of them are unknown when it is. */
export function spread(props: Props): Props {
  const { overwrite, ...rest } = props;
  if (overwrite === undefined || overwrite === null) return props;
  const secret = overwrite instanceof Secret;
  const inner = secret ? overwrite.value : overwrite;
  if (isUnknown(inner)) return { ...rest, ...Object.fromEntries(PARTS.map((name) => [name, overwrite])) };
  const parts = Object.entries(inner as Props).map(([name, v]): [string, Value] => [name, secret ? new Secret(v) : v]);
  return { ...rest, ...Object.fromEntries(parts) };
}

/** A path of {@link spread} inputs as the program has it: `overwrite.disk`. */
export const asGiven = (path: string): string => (PARTS.includes(topOf(path)) ? `overwrite.${path}` : path);
