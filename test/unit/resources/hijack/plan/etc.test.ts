/** What an update does to /etc, in words (openshift/machine-config-operator#6409). */
import { expect, it } from "vitest";
import { etcNotes } from "../../../../../provider/resources/hijack/plan/etc.ts";

const none = { files: [], more: 0 };
const motd = { files: [{ path: "/etc/motd", change: "changed" as const }], more: 0 };
const base = { byHand: none, given: [] as string[], fresh: false };

it.each([
  ["nothing differs", base, []],
  [
    "the commit stays the same",
    { ...base, byHand: motd },
    ["changed by hand in /etc, and kept over the update: /etc/motd"],
  ],
  [
    "a default that nobody touched",
    { ...base, image: { changed: ["/etc/app.conf"], removed: ["/etc/old"] } },
    ["will change in /etc with the new image: /etc/app.conf, /etc/old (removed)"],
  ],
  [
    "one that was changed by hand, and by the image",
    { ...base, byHand: motd, image: { changed: ["/etc/motd"], removed: [] } },
    [
      "changed by hand in /etc, and kept over the update: /etc/motd",
      "of these the new image changes some, too, and the server keeps its own: /etc/motd",
    ],
  ],
  [
    "one that the program fixes",
    { ...base, given: ["/etc/app.conf"], image: { changed: ["/etc/app.conf"], removed: [] } },
    ["the new image changes these, too, and the program's files stay: /etc/app.conf"],
  ],
  ["what is the server's own", { ...base, image: { changed: ["/etc/hosts", "/etc/hostname"], removed: [] } }, []],
  [
    "a reinstall",
    { ...base, byHand: { ...motd, more: 3 }, fresh: true, image: { changed: ["/etc/app.conf"], removed: [] } },
    ["changed by hand in /etc, and gone with the reinstall: /etc/motd and 3 more"],
  ],
])("%s", (_, etc, lines) => expect(etcNotes(etc)).toEqual(lines));
