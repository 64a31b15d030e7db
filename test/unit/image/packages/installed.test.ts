import { describe, expect, it } from "vitest";
import { PineError } from "../../../../provider/errors.ts";
import { parseInstalledDatabase } from "../../../../provider/image/packages/installed.ts";
import { installed } from "../sbom/a-sbom.ts";

describe("apk's installed database", () => {
  it("is read, with lists of files and without", () => {
    const packages = parseInstalledDatabase(installed);
    expect(packages.map((p) => p.name)).toEqual(
      [...installed.matchAll(/^P:(.*)$/gm)].map(([, name]) => name), // 13 of them
    );
    expect(packages).toHaveLength(13);
    expect(packages.find((p) => p.name === "alpine-release")).toEqual({
      name: "alpine-release",
      version: "3.23.6-r0",
      arch: "x86_64",
      checksum: "Q1miIu5GtDJ2t+YH9m2rX6+RXROYQ=",
      description: "Alpine release data",
      url: "https://alpinelinux.org",
      license: "MIT",
      origin: "alpine-base",
      maintainer: "Natanael Copa <ncopa@alpinelinux.org>",
      built: 1789666302,
      commit: "8608c79733409c3aa716f7985d1cb45aedba55bd",
      size: 2093,
      installedSize: 343,
    });
    expect(parseInstalledDatabase(installed.trim())).toEqual(packages);
  });

  it("has packages that say little of themselves", () => {
    const checksum = `Q1${"A".repeat(27)}=`;
    expect(parseInstalledDatabase(`C:${checksum}\nP:x\nV:1\n`)).toEqual([
      {
        name: "x",
        version: "1",
        arch: "noarch",
        checksum,
        description: "",
        url: "",
        license: "",
        origin: "x",
        built: 0,
        size: 0,
        installedSize: 0,
      },
    ]);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ["nothing", () => "\n", /lists no packages/],
    ["binary", (t) => `\0\x7f${t}`, /line 1 is "\\u0000/],
    ["a line that is none", (t) => t.replace("\nP:alpine-keys", "\nP alpine-keys"), /line 18 is "P alpine-keys"/],
    ["no name", (t) => t.replace("\nP:musl\n", "\n"), /a block has no name \(P:\)/],
    ["a path for a name", (t) => t.replace("P:musl\n", "P:../musl\n"), /"\.\.\/musl" is not a package name/],
    ["no version", (t) => t.replace("V:3.7.2-r0\n", ""), /alpine-baselayout has no version \(V:\)/],
    ["no checksum", (t) => t.replace(/^C:.*\n/, ""), /alpine-baselayout has no checksum \(C:\)/],
    ["half a checksum", (t) => t.replace(/^(C:Q1.{9}).*\n/, "$1\n"), /the checksum of alpine-baselayout is "Q1/],
    ["a size in words", (t) => t.replace("I:6552", "I:6k"), /the installed size of alpine-baselayout is "6k"/],
    ["a blank line less", (t) => t.replace("\n\n", "\n"), /line 16 has a second C: in one block/],
    ["a blank line less after files", (t) => t.replace(/(\nZ:.*)\n\n/, "$1\n"), /line \d+ \(C:\) is within a list/],
    ["a cut list of files", (t) => t.slice(0, t.lastIndexOf("\nZ:") + 12), /line \d+ is not a checksum \(Z:Q1/],
    ["files before folders", (t) => t.replace("F:etc\n", ""), /belongs to a file, and there is no folder/],
    ["a package twice", (t) => `${t}${t}`, /alpine-baselayout is listed twice/],
  ])("with %s is damaged", (_, damage, says) => {
    expect(damage(installed)).not.toBe(installed);
    expect(() => parseInstalledDatabase(damage(installed))).toThrow(says);
    expect(() => parseInstalledDatabase(damage(installed))).toThrow(PineError);
  });
});
