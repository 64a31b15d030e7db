/** schema.json against what is checked: the same properties, of the same kind, and what is said of them is true. */
import { describe, expect, it } from "vitest";
import type { Rule, Shape } from "../../../provider/properties/rule.ts";
import { shape as commit } from "../../../provider/resources/commit/shape.ts";
import { connectionRule } from "../../../provider/resources/connection-shape.ts";
import { shape as fleet } from "../../../provider/resources/fleet/check.ts";
import { shape as hijack } from "../../../provider/resources/hijack/check/shape.ts";
import { shape as template } from "../../../provider/resources/images/container-template.ts";
import { shape as image } from "../../../provider/resources/images/disk-image.ts";
import { shape as ring } from "../../../provider/resources/ring/shape.ts";
import { rootfsShape, sourceShape } from "../../../provider/resources/rootfs/shape.ts";
import { shape as config } from "../../../provider/rpc/config.ts";
import schema from "../../../provider/schema.json";

interface Spec {
  description?: string;
  type?: string;
  $ref?: string;
  secret?: boolean;
  default?: unknown;
  items?: Spec;
  additionalProperties?: Spec;
}
interface Type {
  enum?: { value: string }[];
  properties?: Record<string, Spec>;
  required?: string[];
}

const usual = { store: "", cache: "", mirror: "https://m", release: "v3.23", keys: {} };
const types = schema.types as Record<string, Type>;
const resources = schema.resources as Record<
  string,
  { inputProperties: Record<string, Spec>; requiredInputs?: string[] }
>;
const of = (name: string): Type => {
  const { inputProperties: properties, requiredInputs: required } = resources[`pine:index:${name}`]!;
  return { properties, required };
};

const SAME: [string, Shape, Type][] = [
  ["Rootfs", rootfsShape(usual), of("Rootfs")],
  ["OstreeCommit", commit, of("OstreeCommit")],
  ["DiskImage", image, of("DiskImage")],
  ["ContainerTemplate", template, of("ContainerTemplate")],
  ["HostHijack", hijack, of("HostHijack")],
  ["Ring", ring, of("Ring")],
  ["Fleet", fleet, of("Fleet")],
  ["resolvePackages", sourceShape(usual), schema.functions["pine:index:resolvePackages"].inputs as Type],
  ["getHostFacts", { connection: connectionRule }, schema.functions["pine:index:getHostFacts"].inputs as Type],
  ["the provider", config, { properties: schema.provider.inputProperties as Record<string, Spec> }],
];

const LISTS: Record<string, string> = { array: "list" };

/** What the schema says of a value, in the words of a rule's form. */
function kindOf(spec: Spec): { type: string; named?: Type } {
  const builtIn = /^pulumi\.json#\/(.+)$/.exec(spec.$ref ?? "")?.[1];
  if (builtIn) return { type: builtIn.toLowerCase() };
  const named = types[spec.$ref?.slice("#/types/".length) ?? ""];
  if (named) return { type: named.enum ? "string" : "object", named };
  if (spec.type === "object") return { type: "map" };
  return { type: LISTS[spec.type!] ?? spec.type! };
}

/** What differs between a rule and the schema, at a path and below. */
function differences(path: string, rule: Rule, spec: Spec, sentence = ""): string[] {
  const { form } = rule;
  const { type, named } = kindOf(spec);
  // checked by the component itself, or by the resource that gets it
  if (form.type === "any") return [];
  if (form.type !== type) return [`${path}: is checked as ${form.type}, and the schema says ${type}`];
  const found = [];
  const values = named?.enum?.map(({ value }) => value) ?? [];
  // a map's or a list's values have no type of their own: the sentence names them
  const unnamed = (form.enum ?? []).filter((value) => !values.includes(value) && !(!named && sentence.includes(value)));
  const unchecked = values.filter((value) => !form.enum?.includes(value));
  for (const value of [...unnamed, ...unchecked]) found.push(`${path}: "${value}" is known to one of them`);
  if (form.of)
    found.push(...differences(`${path}[]`, form.of, (spec.items ?? spec.additionalProperties)!, spec.description));
  if (form.shape) found.push(...shapes(path, form.shape, named ?? { properties: {} }));
  return found;
}

function shapes(path: string, shape: Shape, type: Type): string[] {
  const [checked, said] = [Object.keys(shape), Object.keys(type.properties ?? {})];
  const found = [
    ...checked.filter((name) => !said.includes(name)).map((name) => `${path}.${name}: is not in the schema`),
    ...said.filter((name) => !checked.includes(name)).map((name) => `${path}.${name}: no check knows it`),
  ];
  for (const [name, rule] of Object.entries(shape)) {
    const spec = type.properties?.[name];
    if (!spec) continue;
    const at = `${path}.${name}`;
    const required = type.required?.includes(name) ?? false;
    if ((rule.required ?? false) !== required)
      found.push(`${at}: required here and there: ${rule.required} ${required}`);
    if ((rule.secret ?? false) !== (spec.secret ?? false))
      found.push(`${at}: secret here and there: ${rule.secret} ${spec.secret}`);
    found.push(...differences(at, rule, spec), ...words(at, rule, spec.description ?? ""));
  }
  return found;
}

const shown = (n: number) => new RegExp(`(?<![\\d.])${n}(?![\\d])`);

/** What a description leaves out: the default, and the range of a number. */
function words(at: string, rule: Rule, description: string): string[] {
  const found = [];
  const { default: usually } = rule;
  if (usually !== undefined && !/Default/.test(description)) found.push(`${at}: its default is not described`);
  if (
    ["string", "number", "boolean"].includes(typeof usually) &&
    !description.includes(String(usually)) &&
    !/Default: the provider's/.test(description)
  )
    found.push(`${at}: its default is ${usually}, and the description says another`);
  for (const bound of [rule.form.min, rule.form.max])
    if (rule.form.type === "integer" && bound !== undefined && bound > 1 && !shown(bound).test(description))
      found.push(`${at}: ${bound} is a limit, which is not described`);
  return found;
}

it("no default is in the schema: an SDK would write it into the inputs, as if the user had chosen it (pulumi#2829)", () => {
  const all = JSON.stringify(schema, (key, value) => (key === "description" ? undefined : value));
  expect(all).not.toContain('"default":');
});

describe("one source", () => {
  it.each(SAME)("%s: what is checked is what the schema says", (name, shape, type) => {
    expect(shapes(name, shape, type)).toEqual([]);
  });
});
