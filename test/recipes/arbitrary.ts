/**
 * Random inputs of a Rootfs over the lab's mirror: most can be built, some are wrong in one of the ways that people's
 * are.
 */
import fc from "fast-check";
import { type HealthCheck, healthChecks } from "./health.ts";
import { rarely, word } from "./words.ts";

/** A folder that goes into the image whole, as `files[path].archive`: a clone, the folder itself, or a tar of it. */
export interface Tree {
  /** In the image. */
  path: string;
  /** By path in the folder; text, or where a link leads. */
  entries: Record<string, { content?: string; executable?: boolean; link?: string }>;
}

/** What a Rootfs is given, in the program's own words; but `tree`, which is one of its files. */
export type Inputs = {
  tree?: Tree;
  packages: string[];
  target: "container" | "vm";
  hostname?: string;
  timezone?: string;
  motd?: string;
  nameservers?: string[];
  loadModules?: string[];
  authorizedKeys?: string[];
  files?: Record<string, { content?: string; mode?: string; owner?: string }>;
  users?: { name: string; uid?: number; shell?: string; groups?: string[]; authorizedKeys: string[]; sudo?: boolean }[];
  services?: Record<string, string[]>;
  sysctl?: Record<string, string>;
  limits?: Record<string, string>;
  mounts?: { device: string; path: string; filesystem: string }[];
  healthChecks?: HealthCheck[];
};

const KEY = `ssh-ed25519 ${"A".repeat(68)}`;
const key = fc.integer({ min: 0, max: 99 }).map((n) => `${KEY} user${n}@host`);

/** Names of files as they come: spaces, other alphabets, quotes, a leading dash, an arrow as in a listing. */
const name = rarely(
  3,
  word,
  fc.constantFrom(
    "a b",
    "größe",
    "日本",
    "it's",
    '"q"',
    "-rf",
    "a -> b",
    "$HOME",
    "x;y",
    "~",
    "tab\\t",
    ".hidden",
    "a".repeat(200),
    "%s",
    "#x",
    "c.apk-new",
    "__pycache__",
  ),
);
const folder = rarely(
  48,
  fc.constantFrom(
    "/etc",
    "/etc/app",
    "/etc/conf.d",
    "/etc/init.d",
    "/etc/periodic/daily",
    "/usr/local/bin",
    "/usr/share/app",
    "/usr/lib/app",
    "/lib/app",
    "/bin",
    "/sbin",
    "/etc/apk/keys",
    "/etc/profile.d",
  ),
  fc.constantFrom("/var/lib/app", "/run/app", "/home/x", "/boot", "/", "/usr/etc", "/srv", "/tmp", "/etc/../etc"),
);
const path = fc
  .tuple(folder, fc.array(name, { minLength: 1, maxLength: 3 }))
  .map(([at, names]) => [at === "/" ? "" : at, ...names].join("/"));
const content = fc.oneof(
  fc.constant(""),
  fc.string({ maxLength: 200, unit: "grapheme" }),
  fc.constant("line\n".repeat(5000)),
);
const file = fc.record(
  {
    content,
    mode: rarely(
      60,
      fc.constantFrom("0644", "644", "600", "0755", "4755", "0000", "1777"),
      fc.constantFrom("9", "rw", ""),
    ),
    owner: rarely(
      60,
      fc.constantFrom("root:root", "0:0", "daemon:daemon", "1234:4321", "root:wheel"),
      fc.constantFrom("nobodyatall:root", "70000:0", "root"),
    ),
  },
  { requiredKeys: ["content"] },
);

const entry = fc.oneof(
  { weight: 4, arbitrary: fc.record({ content, executable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom({ link: "../lib/x" }, { link: "/etc/hosts" }, { link: "nowhere" }) },
);
const tree = fc.record({
  path: fc.constantFrom("/usr/share/tree", "/etc/tree", "/usr/local/lib/tree"),
  entries: fc.dictionary(
    fc.tuple(fc.constantFrom("bin", "lib/deep/er"), name).map((parts) => parts.join("/")),
    entry,
    { minKeys: 1, maxKeys: 5 },
  ),
});

const user = fc.record(
  {
    name: rarely(60, word, fc.constantFrom("root", "daemon", "Bob", "a b", "")),
    uid: fc.integer({ min: 1000, max: 60100 }),
    shell: fc.constantFrom("/bin/sh", "/sbin/nologin"),
    groups: rarely(48, fc.subarray(["wheel", "audio", "www-data", "users"]), fc.constant<string[]>(["nogroupatall"])),
    authorizedKeys: fc.array(key, { maxLength: 2 }),
    sudo: fc.boolean(),
  },
  { requiredKeys: ["name", "authorizedKeys"] },
);

const services = fc.dictionary(
  rarely(72, fc.constantFrom("boot", "default", "sysinit"), fc.constant("weekly")),
  rarely(48, fc.subarray(["crond", "local", "hwclock", "klogd"]), fc.constant<string[]>(["nosuchservice"])),
  { maxKeys: 2 },
);
const sysctl = fc.dictionary(
  rarely(
    72,
    fc.constantFrom("net.ipv4.ip_forward", "vm.swappiness", "net/ipv4/conf/eth0.100/rp_filter", "kernel.domainname"),
    fc.constant("no dots"),
  ),
  fc.constantFrom("0", "1", "4096 131072 6291456", "a = b", "", "x#y"),
  { maxKeys: 3 },
);
const limits = fc.dictionary(
  rarely(72, fc.constantFrom("nofile", "nproc", "core", "memlock"), fc.constant("nosuchlimit")),
  fc.constantFrom("1024", "unlimited", "0"),
  { maxKeys: 3 },
);
const mounts = fc.array(
  fc.record({
    device: fc.constantFrom("UUID=0a1b-2c3d", "LABEL=data", "tmpfs", "/dev/vdb1"),
    path: rarely(
      48,
      fc.constantFrom("/srv/data", "/mnt/disk", "/var/lib/app", "/opt/x", "/data"),
      fc.constantFrom("/etc", "/tmp/x", "relative"),
    ),
    filesystem: fc.constantFrom("ext4", "tmpfs", "xfs"),
  }),
  { maxLength: 2 },
);

/** `names`: packages that the mirror has. Few sets come often, so that most builds find their packages installed. */
export function inputs(names: string[]): fc.Arbitrary<Inputs> {
  const one = fc.constantFrom(...names);
  const asked = rarely(
    72,
    one,
    one.chain((n) => fc.constantFrom(`${n}>0`, `${n}~99`, `${n}=1`, `${n}x`, `!${n}`, `${n}@edge`)),
  );
  const packages = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom([], ["nano"], ["tree", "nano"]) },
    { weight: 1, arbitrary: fc.uniqueArray(asked, { maxLength: 4 }) },
  );
  return fc
    .record(
      {
        packages,
        target: fc.oneof(
          { weight: 4, arbitrary: fc.constant("container") },
          { weight: 1, arbitrary: fc.constant("vm") },
        ),
        hostname: rarely(
          60,
          fc.constantFrom("web", "a.example.org", "x-1"),
          fc.constantFrom("under_score", "-a", "", "a".repeat(70)),
        ),
        timezone: rarely(
          60,
          fc.constantFrom("UTC", "Europe/Berlin", "America/Argentina/Ushuaia"),
          fc.constantFrom("Mars/Olympus", "../etc"),
        ),
        sshServer: fc.constantFrom("dropbear", "openssh"),
        authorizedKeys: fc.array(rarely(60, key, fc.constantFrom("ssh-rsa short", "")), { maxLength: 2 }),
        motd: fc.constantFrom("hello", "", "two\nlines\n", "größe"),
        nameservers: fc.array(rarely(48, fc.constantFrom("192.0.2.1", "2001:db8::1"), fc.constant("dns.example")), {
          maxLength: 3,
        }),
        users: fc.array(user, { maxLength: 3 }),
        services,
        sysctl,
        limits,
        mounts,
        files: fc.dictionary(path, file, { maxKeys: 4 }),
        loadModules: fc.subarray(["tun", "wireguard"]),
        tree,
        healthChecks,
      },
      { requiredKeys: ["packages", "target"] },
    )
    .map((i) => {
      // plain objects, as a program's are
      const { loadModules, ...rest } = JSON.parse(JSON.stringify(i)) as Inputs;
      // a container has none
      return rest.target === "vm" && loadModules ? { ...rest, loadModules } : rest;
    });
}
