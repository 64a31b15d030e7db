/** Reads schema.json for the rpc layer: which properties are secret, and which a state always has. */
import { splitPath } from "../properties/path.ts";
import { type Props, Secret, type Value } from "../properties/values.ts";

interface Spec {
  $ref?: string;
  secret?: boolean;
  items?: Spec;
  additionalProperties?: Spec;
  properties?: Record<string, Spec>;
}
type Specs = Record<string, Spec>;
interface SchemaJson {
  version: string;
  types?: Record<string, { properties?: Specs }>;
  resources?: Record<string, { inputProperties?: Specs; properties?: Specs; required?: string[] }>;
  functions?: Record<string, { inputs?: { properties?: Specs }; outputs?: { properties?: Specs } }>;
}

export class Schema {
  readonly version: string;
  private readonly json: SchemaJson;
  constructor(readonly text: string) {
    this.json = JSON.parse(text) as SchemaJson;
    this.version = this.json.version;
  }

  /** Properties of a resource's inputs, or of a function's arguments. */
  inputs(token: string): Specs {
    return this.json.resources?.[token]?.inputProperties ?? this.json.functions?.[token]?.inputs?.properties ?? {};
  }

  /** Properties of a resource's state, which holds inputs too. */
  outputs(token: string): Specs {
    return { ...this.inputs(token), ...this.json.resources?.[token]?.properties };
  }

  /** Properties of a function's result. */
  results(token: string): Specs {
    return this.json.functions?.[token]?.outputs?.properties ?? {};
  }

  /** Properties that a resource's state always has. */
  promised(token: string): string[] {
    return this.json.resources?.[token]?.required ?? [];
  }

  /** Wraps plain values that the schema calls secret, so that the state never holds them in clear. */
  wrap(props: Props, specs: Specs): Props {
    return Object.fromEntries(Object.entries(props).map(([k, v]) => [k, this.wrapValue(v, specs[k])]));
  }

  private wrapValue(v: Value, spec: Spec | undefined): Value {
    if (!spec || v === undefined || v === null || v instanceof Secret) return v;
    if (spec.secret) return new Secret(v);
    if (Array.isArray(v)) return spec.items ? v.map((x) => this.wrapValue(x, spec.items)) : v;
    if (Object.getPrototypeOf(v) !== Object.prototype) return v;
    const known = this.propertiesOf(spec);
    const other = spec.additionalProperties;
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, this.wrapValue(x, known[k] ?? other)]));
  }

  private propertiesOf(spec: Spec): Specs {
    const name = spec.$ref?.startsWith("#/types/") ? decodeURIComponent(spec.$ref.slice(8)) : undefined;
    return (name ? this.json.types?.[name]?.properties : spec.properties) ?? {};
  }

  /**
   * Whether a property may be shown: the schema knows it, and neither it nor anything above or below it is secret,
   * by the schema or in `value`.
   */
  shows(path: string, specs: Specs): boolean {
    let spec: Spec | undefined = { properties: specs };
    for (const part of splitPath(path)) {
      spec =
        typeof part === "number"
          ? spec.items
          : (this.propertiesOf(spec)[part] ?? (spec.additionalProperties as Spec | undefined));
      if (!spec || spec.secret) return false;
    }
    return !this.holdsSecret(spec, new Set());
  }

  private holdsSecret(spec: Spec, seen: Set<string>): boolean {
    if (spec.secret) return true;
    if (spec.$ref) {
      if (seen.has(spec.$ref)) return false;
      seen.add(spec.$ref);
    }
    const below = [spec.items, spec.additionalProperties, ...Object.values(this.propertiesOf(spec))];
    return below.some((s) => s !== undefined && this.holdsSecret(s, seen));
  }
}
