import { describe, expect, test } from "vitest";
import { Secret, Unknown } from "../../../../provider/properties/values.ts";
import { NOT_FOR_ONE } from "../../../../provider/resources/fleet/check.ts";
import { memberInputs } from "../../../../provider/resources/fleet/members.ts";
import schema from "../../../../provider/schema.json";

const commit = "a".repeat(64);

describe("what a server is asked for", () => {
  test("its own words over the defaults; connection, files and overwrite part by part", () =>
    expect(
      memberInputs(
        {
          connection: { user: "root", privateKey: new Secret("k"), port: 22 },
          files: { "/etc/a": { content: "all" }, "/etc/b": { content: "all" } },
          healthChecks: [{ tcp: "a:1" }],
          trialTimeout: 60,
          overwrite: { erase: true, image: "d" },
        },
        {
          connection: { host: "h", port: 2222 },
          files: { "/etc/b": { content: "own" } },
          healthChecks: [{ tcp: "b:2" }],
          hostname: null,
          overwrite: { disk: "/dev/vdb" },
        },
        commit,
      ),
    ).toEqual({
      connection: { user: "root", privateKey: new Secret("k"), host: "h", port: 2222 },
      files: { "/etc/a": { content: "all" }, "/etc/b": { content: "own" } },
      healthChecks: [{ tcp: "b:2" }],
      trialTimeout: 60,
      overwrite: { erase: true, image: "d", disk: "/dev/vdb" },
      commit,
    }));
  test("a secret stays one, wherever it is around", () => {
    const own = { connection: { host: "h" }, hostname: "w" };
    expect(memberInputs({ connection: new Secret({ password: "p" }) }, own, commit).connection).toEqual(
      new Secret({ password: "p", host: "h" }),
    );
    expect(memberInputs({}, new Secret(own), commit)).toEqual({
      connection: new Secret({ host: "h" }),
      hostname: new Secret("w"),
      commit,
    });
  });
  test("what another resource makes is not known, and the server is there all the same", () => {
    expect(memberInputs({ trialTimeout: 60 }, Unknown.value, commit)).toEqual({
      connection: Unknown.value,
      trialTimeout: 60,
      commit,
    });
    const own = { connection: { host: Unknown.value } };
    expect(memberInputs({ connection: { user: "u" } }, own, Unknown.value)).toEqual({
      connection: { host: Unknown.value, user: "u" },
      commit: Unknown.value,
    });
    expect(memberInputs({ connection: Unknown.value }, own, commit).connection).toBe(Unknown.value);
  });
});

test("the schema gives a fleet's server every input of HostHijack but those for the whole fleet", () => {
  const { "pine:index:HostHijack": hijack, "pine:index:Fleet": fleet } = schema.resources;
  const own = schema.types["pine:index:FleetServer"].properties as Record<string, object>;
  const expected = Object.fromEntries(
    Object.entries(hijack.inputProperties as Record<string, object>)
      .filter(([name]) => !(name in NOT_FOR_ONE))
      .map(([name, { default: _, ...spec }]: [string, { default?: unknown }]) => [name, spec]),
  );
  const { connection, ...rest } = own;
  const { connection: __, ...wanted } = expected;
  expect(rest).toEqual(wanted);
  expect(connection).toMatchObject({ $ref: "#/types/pine:index:FleetConnection" });
  const types = schema.types as Record<string, { properties?: object }>;
  expect(types["pine:index:FleetConnection"]!.properties).toEqual(types["pine:index:Connection"]!.properties);
  expect(Object.keys(fleet.inputProperties)).toEqual(expect.arrayContaining(["commit"]));
});
