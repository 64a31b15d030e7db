/** What an overwrite that was finished compares before it takes the disk for this server's. */
import { expect, it } from "vitest";
import { identityOf } from "../../../../../provider/host/ways/overwrite/write.ts";
import { plan } from "./tools.ts";

it("the digest is of all that makes the disk this server's, and of nothing else", () => {
  const own = (change: Partial<Parameters<typeof identityOf>[0]> = {}, planned = {}) =>
    identityOf({
      plan: { ...plan().plan!, ...planned },
      files: [{ path: "/etc/hostname", content: "web\n", mode: "0644", owner: "root:root" }],
      kernelArguments: [],
      ...change,
    });
  const file = (content: string | Uint8Array, mode = "0644") => ({
    files: [{ path: "/etc/hostname", content, mode, owner: "root:root" }],
  });
  const same = [own(), own({}, { summary: "told otherwise", sendBytes: 1 }), own(file(Buffer.from("web\n")))];
  expect(new Set(same).size).toBe(1);
  const others = [
    own(file("db\n")),
    own(file("web\n", "0600")),
    own({ kernelArguments: ["quiet"] }),
    own({}, { sshPorts: [2222] }),
    own({}, { deadman: 60 }),
    own({}, { consoles: ["ttyS1"] }),
  ];
  expect(new Set([...same, ...others]).size).toBe(1 + others.length);
});
