import { describe, expect, it } from "vitest";
import { targetNames } from "../../../../provider/boot/target.ts";
import { profileNames, profileOf } from "../../../../provider/image/recipe/profiles.ts";
import { baseServices, world } from "../../../../provider/image/recipe/recipe.ts";
import { extraNames, type Recipe } from "../../../../provider/image/recipe/types.ts";
import { systemFiles } from "../../../../provider/image/tree/builder.ts";
import type { Change, TreeFacts } from "../../../../provider/image/tree/changes.ts";
import { configure } from "../../../../provider/image/tree/configure.ts";
import { aRecipe } from "./a-recipe.ts";

const aContainer = (change: Partial<Recipe> = {}) => aRecipe({ target: "container", kernel: "none", ...change });
const factsOf = (recipe: Recipe): TreeFacts => ({
  passwd: "root:x:0:0:root:/root:/bin/sh\n",
  group: "root:x:0:root\nshadow:x:42:\n",
  shadow: "root:*::0:::::\n",
  rcConf: 'rc_ulimit="-u 30"\n',
  services: [...new Set(Object.values(baseServices(recipe)).flat())],
  zones: ["UTC"],
  keymaps: ["us/us", "de/de", "de/de-latin1"],
});
const plan = (recipe: Recipe) =>
  configure({
    recipe,
    facts: factsOf(recipe),
    contents: new Map(),
    archives: new Map(),
    system: systemFiles(recipe.target),
  });
const text = (changes: Change[], path: string) => {
  const c = changes.filter((x) => x.path === path).at(-1);
  return c?.do === "file" ? String(c.content) : undefined;
};
const has = (changes: Change[], path: string) => changes.some((c) => c.path === path);

describe("a container", () => {
  const changes = plan(aContainer());
  it("has no kernel, no gettys, no devices of its own to look for", () => {
    expect(world(aContainer()).filter((p) => /^linux-|kmod|mdev|e2fsprogs/.test(p))).toEqual([]);
    expect(text(changes, "/etc/inittab")).not.toContain("getty");
    expect(text(changes, "/etc/modules")).toBe("");
    for (const service of ["sysinit/mdev", "sysinit/hwdrivers", "boot/hwclock", "boot/modules", "shutdown/mount-ro"])
      expect(has(changes, `/etc/runlevels/${service}`), service).toBe(false);
    for (const service of ["sysinit/pine-devices", "boot/pine-booted", "boot/networking", "default/dropbear"])
      expect(has(changes, `/etc/runlevels/${service}`), service).toBe(true);
  });
  it("mounts what a machine's initramfs and kernel would", () => {
    expect(text(changes, "/etc/fstab")).toMatch(/^devpts \/dev\/pts devpts .*gid=5/m);
    expect(text(changes, "/etc/fstab")).toMatch(/^tmpfs \/dev\/shm /m);
  });
  it("takes the kernel parameters that its host allows", () =>
    expect(text(changes, "/etc/init.d/sysctl")).toMatch(/what it refuses is told and left/));
});

it("what a machine starts is as it was before there was another target", () => {
  expect(baseServices(aRecipe())).toEqual({
    sysinit: ["devfs", "dmesg", "hwdrivers", "mdev"],
    // biome-ignore format: what belongs together is in one line
    boot: [
      "bootmisc", "hostname", "hwclock", "localmount", "modules", "networking", "pine-grow",
      "pine-names", "pine-slots", "pine-version",
      "seedrng", "swap", "sysctl", "syslog",
    ],
    default: ["dropbear", "pine-health", "pine-ok", "pine-updates"],
    shutdown: ["killprocs", "mount-ro"],
    nonetwork: [],
  });
});

describe("settings", () => {
  it("keymap", () => {
    const recipe = aRecipe({ keymap: { layout: "de", variant: "de-latin1" } });
    expect(world(recipe)).toContain("kbd-bkeymaps");
    expect(text(plan(recipe), "/etc/conf.d/loadkmap")).toBe("KEYMAP=/usr/share/bkeymaps/de/de-latin1.bmap.gz\n");
    expect(has(plan(recipe), "/etc/runlevels/boot/loadkmap")).toBe(true);
    expect(() => plan(aRecipe({ keymap: { layout: "de", variant: "de-latin" } }))).toThrow(
      /keymap: there is no .*de-latin\.bmap\.gz; did you mean de\/de-latin1/,
    );
  });
  it("locale", () => {
    expect(text(plan(aRecipe({ locale: "de_DE.UTF-8" })), "/etc/profile.d/30-pine-locale.sh")).toBe(
      "export LANG=de_DE.UTF-8\n",
    );
    expect(world(aRecipe({ locale: "de_DE.UTF-8" }))).toContain("musl-locales");
    expect(world(aRecipe({ locale: "C.UTF-8" }))).not.toContain("musl-locales");
  });
  it("time", () => {
    const busybox = plan(aRecipe({ ntp: { client: "busybox", servers: ["a", "b"] } }));
    expect(text(busybox, "/etc/conf.d/ntpd")).toBe('NTPD_OPTS="-N -p a -p b"\n');
    const chrony = aRecipe({ ntp: { client: "chrony", servers: [] } });
    expect(text(plan(chrony), "/etc/chrony/chrony.conf")).toMatch(/^pool pool\.ntp\.org iburst\n/);
    expect(world(chrony)).toContain("chrony");
  });
  it("limits reach services and logins", () => {
    const changes = plan(aRecipe({ limits: { nofile: "917504", core: "0" } }));
    expect(text(changes, "/etc/rc.conf")).toContain('rc_ulimit="-c 0 -n 917504"\n');
    expect(text(changes, "/etc/rc.conf")).not.toContain("-u 30");
    expect(text(changes, "/etc/profile.d/40-pine-limits.sh")).toBe(
      "ulimit -c 0 2>/dev/null\nulimit -n 917504 2>/dev/null\n",
    );
  });
  it("mounts, resolvers, motd", () => {
    const mounts = [{ device: "LABEL=data", path: "/srv", type: "ext4", options: "noatime,nofail", pass: 2 }];
    const changes = plan(aRecipe({ mounts, dns: ["1.1.1.1", "::1"], motd: "" }));
    expect(text(changes, "/etc/fstab")).toMatch(/\nLABEL=data \/srv ext4 noatime,nofail 0 2\n$/);
    expect(text(changes, "/etc/resolv.conf")).toBe("nameserver 1.1.1.1\nnameserver ::1\n");
    expect(text(changes, "/etc/motd")).toBe("");
  });
  it("a password's hash is in shadow alone", () => {
    const users = [
      { name: "ann", shell: "/bin/sh", groups: [], authorizedKeys: [], sudo: false, passwordHash: "$6$a$b" },
    ];
    const changes = plan(aRecipe({ users }));
    expect(changes.filter((c) => c.do === "file" && String(c.content).includes("$6$a$b")).map((c) => c.path)).toEqual([
      "/etc/shadow",
    ]);
    expect(text(changes, "/etc/shadow")).toMatch(/^ann:\$6\$a\$b:/m);
  });
});

it("archives become folders, files and links with one owner", () => {
  const recipe = aRecipe({ archives: [{ path: "/usr/share/app", owner: "0:42", sha256: "" }] });
  const changes = configure({
    recipe,
    facts: factsOf(recipe),
    contents: new Map(),
    system: systemFiles("vm"),
    archives: new Map([
      [
        "/usr/share/app",
        [
          { path: "bin", type: "folder" as const, mode: 0o755 },
          { path: "bin/run", type: "file" as const, mode: 0o4755, content: Buffer.from("x") },
          { path: "bin/r", type: "link" as const, mode: 0o777, target: "run" },
        ],
      ],
    ]),
  });
  expect(changes.filter((c) => c.path.startsWith("/usr/share/app"))).toEqual([
    { do: "dir", path: "/usr/share/app", mode: "0755", owner: [0, 42] },
    { do: "dir", path: "/usr/share/app/bin", mode: "0755", owner: [0, 42] },
    { do: "file", path: "/usr/share/app/bin/run", content: Buffer.from("x"), mode: "4755", owner: [0, 42] },
    { do: "link", path: "/usr/share/app/bin/r", target: "run" },
  ]);
});

describe("profiles", () => {
  it.each(targetNames.flatMap((t) => profileNames.map((p) => [p, t] as const)))(
    "%s of a %s is whole",
    (name, target) => {
      const profile = profileOf(name, target);
      expect(profile.extras.filter((e) => !extraNames.includes(e))).toEqual([]);
      expect(new Set(profile.packages).size).toBe(profile.packages.length);
      if (target === "container") expect(profile.packages).not.toContain("grub-bios");
    },
  );
  it("minimal adds nothing", () => expect(profileOf("minimal", "vm").packages).toEqual([]));
});
