/** What single settings of a Rootfs bring to its tree. Pure. */
import { healthPiece } from "./health.ts";
import type { Mount, Piece, Recipe } from "./types.ts";

/** The binary keymaps of kbd-bkeymaps lie at `<layout>/<variant>.bmap.gz`. */
export const KEYMAPS = "/usr/share/bkeymaps";

function keymapPiece(keymap: NonNullable<Recipe["keymap"]>): Piece {
  const path = `${KEYMAPS}/${keymap.layout}/${keymap.variant}.bmap.gz`;
  return {
    packages: ["kbd-bkeymaps"],
    services: { boot: ["loadkmap"] },
    files: [{ path: "/etc/conf.d/loadkmap", content: `KEYMAP=${path}\n` }],
  };
}

/** musl knows these without a package. */
const BUILT_IN = ["C", "POSIX", "C.UTF-8"];

const localePiece = (locale: string): Piece => ({
  packages: BUILT_IN.includes(locale) ? [] : ["musl-locales"],
  // after Alpine's own 20locale.sh, which sets what is not set
  files: [{ path: "/etc/profile.d/30-pine-locale.sh", content: `export LANG=${locale}\n` }],
});

/** Time servers when none are given: Alpine's own default of both programs. */
export const NTP_SERVERS = ["pool.ntp.org"];

function ntpPiece({ client, servers }: NonNullable<Recipe["ntp"]>): Piece {
  const peers = servers.length > 0 ? servers : NTP_SERVERS;
  if (client === "busybox") {
    const options = peers.map((s) => `-p ${s}`).join(" ");
    return {
      services: { default: ["ntpd"] },
      files: [{ path: "/etc/conf.d/ntpd", content: `NTPD_OPTS="-N ${options}"\n` }],
    };
  }
  const lines = [
    ...peers.map((s) => `pool ${s} iburst`),
    "driftfile /var/lib/chrony/chrony.drift",
    "makestep 1.0 3", // a step of the clock in the first three updates only: chrony.conf(5)'s own example
    "rtcsync",
    "cmdport 0",
  ];
  return {
    packages: ["chrony"],
    services: { default: ["chronyd"] },
    files: [{ path: "/etc/chrony/chrony.conf", content: lines.map((l) => `${l}\n`).join("") }],
  };
}

/** Letters of `ulimit`, which busybox' sh and OpenRC's rc_ulimit share, by the names of limits.conf(5). */
// biome-ignore format: what belongs together is in one line
export const ulimits: Record<string, string> = {
  core: "c", data: "d", fsize: "f", memlock: "l", nofile: "n", stack: "s", cpu: "t", nproc: "u", as: "v",
};

/** Services get them from OpenRC, logins from their profile: PAM's limits.conf would reach neither here. */
const limitsOf = (limits: Record<string, string>) =>
  Object.entries(limits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `-${ulimits[name]} ${value}`);

export const rcUlimit = (limits: Record<string, string>) => limitsOf(limits).join(" ");

const limitsPiece = (limits: Record<string, string>): Piece => ({
  files: [
    {
      path: "/etc/profile.d/40-pine-limits.sh",
      // a login may lower what it has, and only root may raise it
      content: limitsOf(limits)
        .map((l) => `ulimit ${l} 2>/dev/null\n`)
        .join(""),
    },
  ],
});

/** /etc/hosts of an image: its whole name, and the first part of it. A server gets one of its own when it is taken. */
export function hostsText(hostname: string): string {
  const names = [...new Set([hostname, hostname.split(".")[0]])].join(" ");
  return `127.0.0.1 localhost ${names}\n::1 localhost ip6-localhost ${names}\n`;
}

export const fstabLine = (m: Mount) => `${m.device} ${m.path} ${m.type} ${m.options} 0 ${m.pass}`;

/** What the simple settings of a recipe bring, in a fixed order. */
export function settingPieces(r: Recipe): Piece[] {
  const out: Piece[] = [];
  if (r.keymap) out.push(keymapPiece(r.keymap));
  if (r.locale) out.push(localePiece(r.locale));
  if (r.ntp) out.push(ntpPiece(r.ntp));
  if (r.dns.length > 0)
    out.push({ files: [{ path: "/etc/resolv.conf", content: r.dns.map((d) => `nameserver ${d}\n`).join("") }] });
  if (Object.keys(r.limits).length > 0) out.push(limitsPiece(r.limits));
  if (r.motd !== undefined) out.push({ files: [{ path: "/etc/motd", content: r.motd }] });
  if (r.healthChecks) out.push(healthPiece(r.healthChecks));
  return out;
}
