/** What a commit must have: by its entries as OSTree lists them. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  contentsOf,
  type Entries,
  missingEntry,
  missingName,
  parseEntries,
  placeOf,
} from "../../../../provider/image/tree/asked.ts";
import type { Change } from "../../../../provider/image/tree/changes.ts";
import { aRecipe } from "../recipe/a-recipe.ts";

// of a commit of the lab, by `ostree ls -R` 2024.9, shortened
const LISTING = `d00755 0 0      0 /
l00777 0 0      0 /bin -> usr/bin
l00777 0 0      0 /opt -> var/opt
d00755 0 0      0 /run
d00755 0 0      0 /usr
d00755 0 0      0 /usr/bin
-04755 0 0     12 /usr/bin/su
d00755 0 0      0 /usr/etc
-00644 0 0      4 /usr/etc/mine
l00777 0 0      0 /usr/etc/leads -> ../run/leads
l00777 0 0      0 /usr/etc/round -> round
l00777 0 0      0 /usr/etc/up -> ../etc/conf.d
l00777 0 0      0 /usr/etc/x -> y -> ../lib/z
d00755 0 0      0 /usr/etc/conf.d
-00600 0 42     3 /usr/etc/conf.d/a name -> with an arrow
d00755 0 0      0 /usr/share
d00755 0 0      0 /usr/share/factory
d00755 0 0      0 /usr/share/factory/var
d00755 0 0      0 /usr/share/factory/var/opt
-00644 1000 1000      1 /usr/share/factory/var/opt/x
`;
const entries: Entries = parseEntries(LISTING);

it("entries are read as OSTree lists them", () => {
  expect(entries.get("/usr/bin/su")).toEqual({ type: "file", mode: "4755", owner: "0:0", size: 12, target: undefined });
  expect(entries.get("/opt")).toMatchObject({ type: "link", target: "var/opt" });
  // which of the two it is, its line does not say
  expect(entries.get("/usr/etc/x -> y")).toMatchObject({ type: "link", target: "../lib/z" });
  expect(entries.get("/usr/etc/x")).toMatchObject({ type: "link", target: "y -> ../lib/z" });
  expect(entries.get("/usr/etc/conf.d/a name -> with an arrow")).toMatchObject({ size: 3, owner: "0:42" });
});

it.each([
  ["/etc/mine", "/usr/etc/mine"],
  ["/bin/su", "/usr/bin/su"],
  ["/opt/x", "/usr/share/factory/var/opt/x"],
  ["/var/opt/x", "/usr/share/factory/var/opt/x"],
  ["/etc/up/new", "/usr/etc/conf.d/new"],
  ["/etc/leads", "/usr/etc/leads"],
  ["/etc/leads/x", undefined],
  ["/etc/round/x", undefined],
  ["/etc/mine/x", undefined],
])("%s lies at %s", (path, place) => expect(placeOf(entries, path)).toBe(place));

const file = (path: string, more: Partial<Extract<Change, { do: "file" }>> = {}): Change => ({
  do: "file",
  path,
  content: "mine",
  mode: "0644",
  owner: [0, 0],
  ...more,
});
const asFile = (path: string) => ({ path, mode: "0644", owner: "root:root", sha256: "" });

describe("the first that is not as it was asked for", () => {
  it.each<[string, Change[], string | undefined]>([
    ["all is there", [file("/etc/mine")], undefined],
    ["no file", [file("/etc/mine"), file("/etc/other")], 'files["/etc/other"]: /etc/other is not in the image'],
    ["behind a link out of the image", [file("/etc/leads/x")], "the base system: /etc/leads/x is not in the image"],
    ["another mode", [file("/etc/mine", { mode: "0600" })], "has mode 0644, not 0600"],
    ["another owner", [file("/etc/mine", { owner: [1, 2] })], "belongs to 0:0, not to 1:2"],
    ["another size", [file("/etc/mine", { content: "longer" })], "has 4 bytes, not 6"],
    ["a folder", [file("/etc/conf.d")], "is a folder, not a file"],
    ["another link", [{ do: "link", path: "/etc/leads", target: "/x" }], "leads to ../run/leads, not to /x"],
    ["the last word counts", [file("/etc/mine", { mode: "0600" }), file("/etc/mine")], undefined],
    ["what is removed later is not looked for", [file("/etc/x/y"), { do: "remove", path: "/etc/x" }], undefined],
    ["a folder by a link", [{ do: "dir", path: "/opt", mode: "0755", owner: [0, 0] }], undefined],
  ])("%s", (_, changes, why) => {
    const found = missingEntry(aRecipe({ files: [asFile("/etc/other")] }), changes, entries);
    const text = found && `${found.property}: ${found.path} ${found.why}`;
    if (why === undefined) expect(text).toBeUndefined();
    else expect(text).toContain(why);
  });

  it("with hooks: what the program named is there, whatever it has become", () => {
    const recipe = aRecipe({
      hooks: ["x"],
      files: [asFile("/etc/mine"), asFile("/etc/gone")],
      services: { default: ["a"] },
    });
    expect(
      missingEntry(recipe, [file("/etc/mine", { mode: "0600", content: "" }), file("/etc/motd")], entries),
    ).toBeUndefined();
    expect(missingEntry(recipe, [file("/etc/gone")], entries)?.property).toBe('files["/etc/gone"]');
    const service = (name: string): Change => ({ do: "link", path: `/etc/runlevels/default/${name}`, target: "/x" });
    expect(missingEntry(recipe, [service("b")], entries)).toBeUndefined();
    expect(missingEntry(recipe, [service("a")], entries)?.property).toBe("services.default");
  });

  it("a kernel module, a user, a package", () => {
    const recipe = aRecipe({ extraModules: [{ name: "own", sha256: "" }] });
    expect(missingEntry(recipe, [], entries)?.property).toBe('extraKernelModules["own"]');
    const user = { name: "bob", shell: "/bin/sh", groups: [], authorizedKeys: [], sudo: false };
    const lock = [{ name: "nano", version: "1-r0" }];
    const seen = { passwd: "root:x:0\nbob:x:1000\n", installed: lock };
    expect(missingName(aRecipe({ users: [user] }), lock, seen)).toBeUndefined();
    expect(missingName(aRecipe({ users: [user] }), lock, { ...seen, passwd: "root:x:0\nbobby:x:1\n" })?.why).toBe(
      "has no user bob",
    );
    const other = { ...seen, installed: [{ name: "nano", version: "2-r0" }] };
    expect(missingName(aRecipe(), lock, other)?.why).toBe("has version 2-r0 nano, and 1-r0 is locked");
    expect(missingName(aRecipe({ hooks: ["x"] }), lock, { ...seen, installed: [] })).toBeUndefined();
    expect(
      missingName(aRecipe({ hooks: ["x"], packages: ["nano>1"] }), lock, { ...seen, installed: [] })?.property,
    ).toBe("packages");
  });
});

it("contents are those of the last word, at their places, in order", () => {
  const changes = [
    file("/bin/su", { content: "old" }),
    file("/etc/mine"),
    file("/bin/su", { content: Buffer.from("new") }),
  ];
  expect(contentsOf(aRecipe(), changes, entries)).toEqual({
    places: ["/usr/bin/su", "/usr/etc/mine"],
    sha256: createHash("sha256").update("newmine").digest("hex"),
  });
  expect(contentsOf(aRecipe({ hooks: ["x"] }), changes, entries).places).toEqual([]);
});
