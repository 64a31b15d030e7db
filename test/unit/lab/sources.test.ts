import { describe, expect, test } from "vitest";
import { sourcesFor } from "../../lab/vps/sources.ts";

const deb822 = `Types: deb
# http://snapshot.example/20250520
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main contrib

Types: deb
URIs: https://vendor.example/node_20.x
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;

describe("apt's sources of this machine", () => {
  test("deb822: Debian's own entries, nothing of others, nothing that is off", () => {
    expect(sourcesFor("bookworm", "bookworm", [{ name: "debian.sources", text: deb822 }])).toEqual([
      {
        uri: "http://mirror.example.org/debian",
        suite: "bookworm",
        signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
      },
      {
        uri: "http://mirror.example.org/debian",
        suite: "bookworm-updates",
        signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
      },
      { uri: "http://mirror.example.org/debian-security", suite: "bookworm-security", signedBy: undefined },
    ]);
  });
  test("one-line style, with options, each entry once", () => {
    const text = [
      "# deb http://no.example/debian bookworm main",
      "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib",
      "deb http://mirror.example/debian bookworm main",
      "deb-src http://mirror.example/debian bookworm main",
      "deb http://mirror.example/debian bookworm non-free",
      "deb https://packages.vendor.example/apt cloud-sdk-bookworm main",
    ].join("\n");
    expect(sourcesFor("bookworm", "bookworm", [{ name: "/etc/apt/sources.list", text }])).toEqual([
      { uri: "http://mirror.example/debian", suite: "bookworm", signedBy: "/k.gpg" },
    ]);
  });
  test("another release: the same places, its own suites", () => {
    const suites = (release: string) =>
      sourcesFor(release, "bookworm", [{ name: "debian.sources", text: deb822 }]).map((s) => s.suite);
    expect(suites("trixie")).toEqual(["trixie", "trixie-updates", "trixie-security"]);
    expect(suites("bullseye")).toEqual(["bullseye", "bullseye-updates"]);
  });
});
