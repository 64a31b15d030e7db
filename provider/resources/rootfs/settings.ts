/** Shapes of Rootfs' single settings: the values that each accepts. */
import { isIP } from "node:net";
import * as rules from "../../image/recipe/rules.ts";
import { ulimits } from "../../image/recipe/settings.ts";
import { integer, list, map, object, text } from "../../properties/check.ts";

export const keymap = text({
  pattern: /^[a-z0-9][a-z0-9_-]*(\/[A-Za-z0-9_-]+)?$/,
  expected: 'a keymap such as "us" or "de/de-latin1"',
});

export const locale = text({
  pattern: /^(C|POSIX|[a-z]{2,3}(_[A-Z]{2})?)(\.UTF-8)?$/,
  expected: 'a locale such as "C.UTF-8" or "de_DE.UTF-8"',
});

/** A name or an address, without characters that a shell or a configuration file would split. */
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/;
export const ntp = object({
  client: text({ enum: ["busybox", "chrony", "none"], default: "busybox" }),
  servers: list(text({ pattern: HOST, expected: 'a time server such as "pool.ntp.org"' }), { default: [] }),
});

export const nameservers = list(
  text({ verify: (a) => (isIP(a) ? undefined : { code: "address", reason: "expected an IPv4 or IPv6 address" }) }),
  {
    verify: (all) =>
      all.length > 3
        ? { code: "many", reason: "expected at most 3: musl's resolver reads no more (resolv.conf)" }
        : undefined,
  },
);

const mount = object({
  device: text({
    required: true,
    pattern: /^[^\s#]\S*$/,
    expected: 'what is mounted: "UUID=…", "LABEL=data", "tmpfs"',
  }),
  path: text({
    required: true,
    pattern: /^(\/[^\s/]+)+$/,
    expected: 'an absolute path such as "/srv"',
    verify: (path) => {
      if (path.split("/").some((p) => p === "." || p === ".."))
        return { code: "dots", reason: "expected a path without . and .." };
      if (/^\/(media|tmp|run|proc|sys|dev)\//.test(path))
        return { code: "boot", reason: `${path} is in a folder that is made new at every boot: mount it elsewhere` };
      return /^\/(usr|etc|boot|sysroot|ostree|proc|sys|dev|run|var|tmp|media)$/.test(path)
        ? { code: "system", reason: `${path} is the system's own: mount below it, or elsewhere` }
        : undefined;
    },
  }),
  filesystem: text({ required: true, pattern: /^[a-z0-9._]+$/, expected: 'a filesystem such as "ext4"' }),
  options: text({
    default: "defaults,nofail",
    pattern: /^[^\s#]+$/,
    expected: 'mount options such as "noatime,nofail"',
  }),
  fsckOrder: integer({ min: 0, max: 2, default: 0 }),
});
export const mounts = list(mount, {
  verify: (all) => {
    const path = all.map((m) => m.path).find((p, i, paths) => paths.indexOf(p) !== i);
    return path ? { code: "twice", reason: `${path} is mounted on twice` } : undefined;
  },
});

/** A swap file above 64 GiB or below 16 MiB is a typing error. */
const SWAP_MIB = { min: 16, max: 65536 };
export const swap = object(
  {
    kind: text({ required: true, enum: ["none", "zram", "swapfile", "zswap"] }),
    percent: integer({ min: 5, max: 400 }),
    size: integer(SWAP_MIB),
  },
  {
    verify: ({ kind, percent, size }) => {
      if (percent !== undefined && kind !== "zram")
        return { code: "percent", reason: `percent is for zram only, not for ${kind}` };
      if (size !== undefined && (kind === "zram" || kind === "none"))
        return { code: "size", reason: `size is for swapfile and zswap, not for ${kind}: zram takes percent` };
      return undefined;
    },
  },
);

export const limits = map(text({ pattern: /^(\d{1,10}|unlimited)$/, expected: 'a number or "unlimited"' }), {
  keys: {
    pattern: new RegExp(`^(${Object.keys(ulimits).join("|")})$`),
    expected: `a limit: ${Object.keys(ulimits).sort().join(", ")}`,
  },
});

export const tuning = object({
  hugepages: text({ enum: ["always", "madvise", "never"], default: "madvise" }),
  block: map(text({ pattern: /^[A-Za-z0-9_-]+$/, expected: 'a value such as "4096"' }), {
    keys: { pattern: /^[a-z_]+(\/[a-z_]+)?$/, expected: 'a file of /sys/block/<disk>/queue such as "read_ahead_kb"' },
  }),
  offload: map(text({ enum: ["on", "off"] }), {
    keys: { pattern: /^[a-z0-9-]+$/, expected: 'a feature of ethtool -K such as "tso"' },
  }),
});

/** A look at a busy disk may take a while; what servers' watchdogs know ends at 613 s (iTCO). */
export const watchdog = object({ seconds: integer({ min: 30, max: 600, default: 120 }) });

export const buildCommands = list(
  text({
    pattern: /^[^\0]{1,65536}$/,
    expected: "a command for /bin/sh of at most 64 KiB",
  }),
);

/** A crypt(3) hash that musl supports and that is not broken: SHA-512, SHA-256, bcrypt. */
export const passwordHash = text({
  secret: true,
  pattern:
    /^\$(6|5)\$(rounds=\d{4,9}\$)?[./A-Za-z0-9]{1,16}\$([./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})$|^\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}$/,
  expected: "a hash as in /etc/shadow ($6$salt$…), not a password",
  hint: "make one with `openssl passwd -6`",
});

export const extraModule = { pattern: rules.modulePattern, expected: 'the name of a module such as "beegfs"' };
export const motd = text({ empty: true });
export const sysctlValue = text({ pattern: /^[^\n]*$/, expected: "a value on one line" });
