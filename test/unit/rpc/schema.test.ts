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
  // Python's generator renames keywords; id and urn are Pulumi's.
  test("no name that a language takes from us", () => {
    const taken = ["from", "import", "class", "global", "lambda", "id", "urn"];
    expect([...properties()].filter(([, name]) => taken.includes(name)).map(([path]) => path)).toEqual([]);
  });
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
