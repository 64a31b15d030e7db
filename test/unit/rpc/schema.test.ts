import { describe, expect, test } from "vitest";
import pkg from "../../../package.json";
import { Secret, Unknown } from "../../../provider/properties/values.ts";
import { Schema } from "../../../provider/rpc/schema.ts";
import schema from "../../../provider/schema.json";

interface Spec {
  description?: string;
  $ref?: string;
  type?: string;
  items?: Spec;
  additionalProperties?: Spec;
}

/** Words of TypeScript, Python, Go, C#, Java, YAML and HCL, and Pulumi's own, that a property cannot be called. */
// biome-ignore format: one word after the other
const KEPT = new Set(`
  abstract and as assert async await base bool boolean break builder byte case catch chan char checked class const
  constructor continue count debugger decimal def default defer del delegate delete depends_on do double elif else enum
  event except explicit export extends extern fallthrough false final finally fixed float for for_each foreach from func
  function global go goto hash_code id if implements implicit import in inputs instanceof int interface internal is
  lambda lifecycle lock long map namespace native new nil none nonlocal not null object operator options or out output
  outputs override package params parent pass print private property protected provider providers public pulumi raise
  range readonly ref return sbyte sealed select self short sizeof stackalloc static strictfp string struct super switch
  synchronized this throw throws transient true try type typeof uint ulong unchecked undefined unsafe urn using var void
  volatile while with yield
`.trim().split(/\s+/));
/** Those that were looked at in what Pulumi's generators make. */
const KNOWN_TO_WORK: Record<string, string> = {
  "pine:index:Mount.options": "fstab's own word; within an object",
  "pine:index:HostInterface.parent": "what the kernel calls it; within an output",
  "pine:index:OstreeCommit state.parent": "OSTree's own word; an output, and Pulumi's `parent` is an option",
};

/** Every property with its path. */
function* properties(): Generator<[string, string, Spec]> {
  const of = function* (path: string, specs: object = {}): Generator<[string, string, Spec]> {
    for (const [name, spec] of Object.entries(specs)) yield [`${path}.${name}`, name, spec as Spec];
  };
  yield* of("config", schema.config.variables);
  yield* of("provider", schema.provider.inputProperties);
  for (const [token, type] of Object.entries(schema.types))
    yield* of(token, (type as { properties?: object }).properties);
  for (const [token, r] of Object.entries(schema.resources)) {
    yield* of(token, r.inputProperties);
    yield* of(`${token} state`, r.properties);
  }
  for (const [token, f] of Object.entries(schema.functions)) {
    yield* of(token, f.inputs.properties);
    yield* of(`${token} result`, f.outputs.properties);
  }
}

describe("schema.json", () => {
  test("every property is described, by a sentence", () => {
    const bad = [...properties()].filter(([, , s]) => !/^.{8,}[.]$/s.test(s.description ?? ""));
    expect(bad.map(([path]) => path)).toEqual([]);
  });
  test("every reference leads somewhere", () => {
    const known = (s?: Spec): boolean =>
      !s ||
      ((!s.$ref ||
        /^pulumi\.json#\/(Any|Asset|Archive)$/.test(s.$ref) ||
        s.$ref.slice("#/types/".length) in schema.types) &&
        known(s.items) &&
        known(s.additionalProperties));
    expect([...properties()].filter(([, , s]) => !known(s)).map(([path]) => path)).toEqual([]);
  });
  // pulumi-java#1324, pulumi/pulumi#5246: renamed in silence, or not compiled
  test("no name that a language or Pulumi keeps for itself", () => {
    const kept = [...properties()].filter(([path, name]) => KEPT.has(name) && !(path in KNOWN_TO_WORK));
    expect(kept.map(([path]) => path)).toEqual([]);
  });
  // pulumi-aws-native#650: Python makes memory_mi_b of memoryMiB
  test("no two capitals in a row", () =>
    expect([...properties()].map(([path]) => path).filter((path) => /\.[^.]*[A-Z]{2}[^.]*$/.test(path))).toEqual([]));
  // pulumi-dotnet#844, pulumi/pulumi#7984
  test("no property has its type's name, and no two types differ by case alone", () => {
    const tokens = [...Object.keys(schema.types), ...Object.keys(schema.resources), ...Object.keys(schema.functions)];
    const names = tokens.map((token) => token.split(":").pop()!.toLowerCase());
    expect(names.filter((name, n) => names.indexOf(name) !== n)).toEqual([]);
    const own = [...properties()].filter(([path, name]) => {
      const type = /^pine:index:(\w+)/.exec(path)?.[1];
      return type?.toLowerCase() === name.toLowerCase();
    });
    expect(own.map(([path]) => path)).toEqual([]);
  });
  // pulumi/pulumi#19701: some generators ignore it
  test("no name is changed for one language", () =>
    expect(JSON.stringify(schema)).not.toMatch(/"language":\{"\w+":\{"name"/));
  test("what is required is there", () => {
    for (const r of Object.values(schema.resources)) {
      expect(Object.keys(r.inputProperties)).toEqual(
        expect.arrayContaining((r as { requiredInputs?: string[] }).requiredInputs ?? []),
      );
      expect(Object.keys(r.properties)).toEqual(expect.arrayContaining(r.required));
    }
  });
  test("its version is the package's", () => expect(schema.version).toBe(pkg.version));
});

describe("secrets of a server's connection", () => {
  const s = new Schema(JSON.stringify(schema));
  const specs = s.inputs("pine:index:HostHijack");
  test("are wrapped where they are plain, at any depth, and only once", () => {
    const given = {
      connection: {
        host: "h",
        password: "p",
        privateKey: new Secret("k"),
        proxy: { host: "j", password: Unknown.value },
      },
    };
    expect(s.wrap(given, specs)).toEqual({
      connection: {
        host: "h",
        password: new Secret("p"),
        privateKey: new Secret("k"),
        proxy: { host: "j", password: new Secret(Unknown.value) },
      },
    });
    const whole = { connection: new Secret({ password: "p" }) };
    expect(s.wrap(whole, specs)).toEqual(whole);
    expect(s.wrap({ connection: Unknown.value, files: null }, specs)).toEqual({
      connection: Unknown.value,
      files: null,
    });
  });
  test("in the state too", () => {
    const state = s.outputs("pine:index:HostHijack");
    expect(s.wrap({ connection: { password: "p" } }, state)).toEqual({ connection: { password: new Secret("p") } });
  });
  test.each([
    ["hostname", true],
    ["trialTimeout", true],
    ["connection.host", true],
    ["connection.password", false],
    ["connection.proxy.privateKey", false],
    ["connection", false], // it would be shown with what is in it
    ["files", true],
    ["pasword", false],
  ])("%s may be shown: %s", (path, shown) => expect(s.shows(path, specs)).toBe(shown));
});
