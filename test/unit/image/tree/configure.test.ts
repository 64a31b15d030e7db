import { describe, expect, it } from "vitest";
import { baseServices } from "../../../../provider/image/recipe/recipe.ts";
import type { Recipe } from "../../../../provider/image/recipe/types.ts";
import type { Change, TreeFacts } from "../../../../provider/image/tree/changes.ts";
import { type ConfigureInput, configure } from "../../../../provider/image/tree/configure.ts";
import { aRecipe } from "../recipe/a-recipe.ts";

const recipe = aRecipe({
  repositories: ["main", "@edge edge/testing", "https://x.example/own"],
  packages: ["nano"],
  hostname: "web.example.org",
});
const facts: TreeFacts = {
  passwd: "root:x:0:0:root:/root:/bin/sh\n",
  group: "root:x:0:root\nshadow:x:42:\nwheel:x:10:root\n",
  shadow: "root:*::0:::::\n",
  rcConf: '#rc_parallel="NO"\nrc_sys="lxc"\nunicode="YES"\n',
  services: [
    ...new Set(
      [aRecipe(), aRecipe({ target: "container", kernel: "none" })].flatMap((r) =>
        Object.values(baseServices(r)).flat(),
      ),
    ),
    "functions.sh",
    "crond",
    "loadkmap",
    "ntpd",
  ],
  zones: ["Europe/Berlin", "Europe/Bern", "UTC"],
  keymaps: ["us/us", "de/de", "de/de-latin1"],
};
const plan = (change: Partial<Recipe> = {}, more: Partial<ConfigureInput> = {}) =>
  configure({ recipe: { ...recipe, ...change }, facts, contents: new Map(), archives: new Map(), system: [], ...more });
const at = (changes: Change[], path: string) => changes.filter((c) => c.path === path);
const text = (changes: Change[], path: string) => {
  const c = at(changes, path).at(-1);
  return c?.do === "file" ? String(c.content) : undefined;
};

describe("the base system", () => {
  const changes = plan();
  it("is reached by key alone", () => {
    expect(text(changes, "/etc/shadow")).toMatch(/^root:\*:/);
    expect(at(changes, "/etc/shadow")[0]).toMatchObject({ mode: "0640", owner: [0, 42] });
    expect(text(changes, "/etc/conf.d/dropbear")).toMatch(/DROPBEAR_OPTS="-s -R"/);
  });
  it("starts its services, and none that writes to /usr", () => {
    expect(at(changes, "/etc/runlevels/default/dropbear")).toEqual([
      { do: "link", path: "/etc/runlevels/default/dropbear", target: "/etc/init.d/dropbear" },
    ]);
    expect(at(changes, "/etc/runlevels/boot/networking")).toHaveLength(1);
    expect(at(changes, "/etc/runlevels/shutdown/savecache")).toHaveLength(0);
  });
  it("lets OpenRC find out what it runs in, and keep what services say", () =>
    expect(text(changes, "/etc/rc.conf")).toBe(
      '#rc_parallel="NO"\nunicode="YES"\nrc_logger="YES"\nrc_log_path="/run/rc.log"\n',
    ));
  it("asks the mirror for its packages, by tags where there are any", () => {
    expect(text(changes, "/etc/apk/repositories")).toBe(
      "http://m/alpine/v3.23/main\n@edge http://m/alpine/edge/testing\nhttps://x.example/own\n",
    );
    expect(text(changes, "/etc/apk/world")).toMatch(/^nano$/m);
    expect(text(changes, "/etc/apk/keys/k.rsa.pub")).toBe("PEM\n");
  });
  it("knows its name", () => {
    expect(text(changes, "/etc/hostname")).toBe("web.example.org\n");
    expect(text(changes, "/etc/hosts")).toContain("127.0.0.1 localhost web.example.org web\n");
  });
});

it("keys of root and of users lie in their homes", () => {
  const ann = { name: "ann", shell: "/bin/sh", groups: ["wheel"], authorizedKeys: ["ssh-ed25519 B"], sudo: true };
  const changes = plan({ authorizedKeys: ["ssh-ed25519 A"], users: [ann] });
  expect(text(changes, "/root/.ssh/authorized_keys")).toBe("ssh-ed25519 A\n");
  expect(at(changes, "/home/ann/.ssh/authorized_keys")[0]).toMatchObject({ mode: "0600", owner: [1000, 1000] });
  expect(at(changes, "/home/ann/.ssh")[0]).toMatchObject({ do: "dir", mode: "0700", owner: [1000, 1000] });
  expect(text(changes, "/etc/sudoers.d/pine-ann")).toBe("ann ALL=(ALL:ALL) NOPASSWD: ALL\n");
  const doas = plan({ users: [ann], packages: ["doas"] });
  expect(text(doas, "/etc/doas.d/pine-ann.conf")).toBe("permit nopass ann\n");
});

describe("services", () => {
  const system = [{ path: "/etc/init.d/pine-ok", content: "", mode: "0755" }];
  it("of the packages, of ours and of the user's files can be started", () => {
    const files = [{ path: "/etc/init.d/mine", mode: "0755", owner: "root:root", sha256: "" }];
    const services = { default: ["mine", "crond"], boot: ["crond"] };
    const changes = plan({ files, services }, { system });
    for (const path of ["default/mine", "default/crond", "boot/crond", "default/pine-ok"])
      expect(at(changes, `/etc/runlevels/${path}`), path).toHaveLength(1);
  });
  it("that are not there are told, with what is", () => {
    expect(() => plan({ services: { default: ["cron"] } })).toThrow(
      /services\.default: .* no service cron; did you mean crond\?.*networking/,
    );
    expect(() => plan({ services: { default: ["functions.sh"] } })).toThrow(/no service functions\.sh/);
  });
});

describe("time zones", () => {
  it("are links", () =>
    expect(at(plan({ timezone: "Europe/Berlin" }), "/etc/localtime")[0]).toMatchObject({
      target: "/usr/share/zoneinfo/Europe/Berlin",
    }));
  it("that are not there are told", () =>
    expect(() => plan({ timezone: "Europe/Berln" })).toThrow(
      /timezone: there is no zone Europe\/Berln; did you mean .*Europe\/Berlin/,
    ));
});

it("settings and files become files", () => {
  const files = [{ path: "/etc/motd", mode: "0600", owner: "0:wheel", sha256: "" }];
  const changes = plan(
    { files, sysctl: { "net.ipv4.ip_forward": "1" }, modules: ["tun"] },
    { contents: new Map([["/etc/motd", Buffer.from("hi\n")]]) },
  );
  expect(at(changes, "/etc/motd")[0]).toMatchObject({ mode: "0600", owner: [0, 10], content: Buffer.from("hi\n") });
  expect(text(changes, "/etc/sysctl.d/90-pine.conf")).toBe("net.ipv4.ip_forward = 1\n");
  expect(text(changes, "/etc/modules")).toBe("af_packet\nipv6\ntun\n");
  expect(() => plan({ files: [{ ...files[0]!, owner: "ann:ann" }] })).toThrow(
    /files\["\/etc\/motd"\]\.owner: .*no user ann/,
  );
});
