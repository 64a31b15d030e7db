import { expect, it } from "vitest";
import { Secret, Unknown, type Value } from "../../../../../provider/properties/values.ts";
import { pathsOnly } from "../../../../../provider/resources/hijack/model/known.ts";

const token = { "/etc/token": { content: new Secret("x") } };

it.each<[string, Value, string[]]>([
  ["files", token as Value, ["/etc/token"]],
  ["whose content is not known", { "/etc/app": { content: Unknown.value } } as Value, ["/etc/app"]],
  ["one not known at all", { "/etc/app": Unknown.value } as Value, ["/etc/app"]],
  ["secret as a whole", new Secret(token as Value) as Value, ["/etc/token"]],
  ["not known as a whole", Unknown.value as Value, []],
  ["a secret that is not known", new Secret(Unknown.value as Value) as Value, []],
  ["none", undefined as unknown as Value, []],
])("a preview knows the paths of files: %s", (_, files, paths) =>
  expect(pathsOnly(files)).toEqual(Object.fromEntries(paths.map((path) => [path, {}]))),
);
