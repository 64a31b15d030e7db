/**
 * What lies around the sysroot in a container template, as a plan; what it comes to: e2e/container-template.test.ts.
 */
import { describe, expect, test } from "vitest";
import { parseSlotFile } from "../../../../provider/boot/slot.ts";
import { parseEnvBlock } from "../../../../provider/boot/state.ts";
import { skeleton } from "../../../../provider/image/template/skeleton.ts";
import { templateFormat, templateName } from "../../../../provider/image/template/template.ts";
import type { Change } from "../../../../provider/image/tree/changes.ts";

const checksum = "5a".repeat(32);
const kernel = `/boot/ostree/pine-${"7".repeat(64)}/vmlinuz-0-container`;
const plan = skeleton({ checksum, kernel, title: "Pine 5a5a", init: "#!/ostree/pine/ld.so /ostree/pine/sh\n" });
const at = (path: string) => plan.filter((c) => c.path === path);
const content = (path: string) => {
  const [change] = at(path);
  return change?.do === "file" ? Buffer.from(change.content) : Buffer.alloc(0);
};

describe("skeleton", () => {
  test.each<[string, Partial<Change> & { mode?: string; target?: string }]>([
    ["/tmp", { do: "dir", mode: "1777" }],
    ["/dev", { do: "dir", mode: "0755" }],
    ["/proc", { do: "dir", mode: "0755" }],
    ["/sys", { do: "dir", mode: "0755" }],
    ["/run", { do: "dir", mode: "0755" }],
    ["/root", { do: "link", target: "ostree/deploy/pine/var/roothome" }],
    ["/bin/sh", { do: "link", target: "../ostree/pine/busybox" }],
    ["/sbin/ip", { do: "link", target: "../ostree/pine/busybox" }],
    ["/usr/bin/env", { do: "link", target: "../../ostree/pine/busybox" }],
    ["/bin/bash", { do: "file", mode: "0755" }],
    ["/sbin/init", { do: "file", mode: "0755" }],
    ["/etc/passwd", { do: "file", mode: "0644" }],
    ["/etc/group", { do: "file", mode: "0644" }],
    ["/etc/shadow", { do: "file", mode: "0600" }],
    ["/ostree/pine/host", { do: "dir", mode: "0755" }],
  ])("has %s once", (path, change) => expect(at(path)).toMatchObject([change]));

  test("no path twice, each folder before what is in it, all of it root's", () => {
    const seen = new Set(["", "/ostree", "/ostree/pine", "/boot"]);
    for (const c of plan) {
      expect(seen.has(c.path), c.path).toBe(false);
      expect(seen.has(c.path.slice(0, c.path.lastIndexOf("/"))), `the folder of ${c.path}`).toBe(true);
      seen.add(c.path);
      if ("owner" in c) expect(c.owner, c.path).toEqual([0, 0]);
    }
  });

  test("a login by password has none to know", () => {
    expect(content("/etc/passwd").toString()).toBe("root:x:0:0:root:/root:/bin/sh\n");
    expect(content("/etc/shadow").toString().split(":")[1]).toBe("*");
  });

  test("slot a is confirmed, and there is no other", () => {
    expect(parseSlotFile(content("/boot/grub/pine/a.cfg").toString())).toEqual({
      title: "Pine 5a5a",
      uuid: "",
      linux: kernel,
      initrd: "",
      options: `ostree=/ostree/deploy/pine/deploy/${checksum}.0 pine.deadman=300`,
    });
    expect(parseEnvBlock(content("/boot/grub/pine/env"))).toEqual({ slot: "a" });
    expect(at("/boot/grub/pine/b.cfg")).toEqual([]);
  });
});

test("a template is named after its commit and what makes it", () => {
  expect(templateName(checksum)).toMatch(/^5a5a5a5a5a5a5a5a-[0-9a-f]{16}$/);
  expect(templateName(checksum)).toBe(templateName(checksum));
  expect(templateName("5b".repeat(32)).slice(17)).not.toBe(templateName(checksum).slice(17));
  expect(templateFormat()).toMatch(/^1-[0-9a-f]{12}$/);
});
