/** The extras of a classic server: doas, clock, capture, backup, sandboxes, containers. */
import { program, type Recipe, script } from "./recipe.ts";
import {
  CHRONY_CONF,
  CHRONY_USER,
  CHRONYD_CONFD,
  CHRONYD_INITD,
  CONTAINERS_CONF,
  DOAS_CONF,
  DOAS_PAM,
  OTHER_PAM,
  TCPDUMP_USER,
} from "./services-classic.ts";

const CHRONY = { debian: "chrony", license: "GPL-2.0-only" };
const APACHE = "Apache-2.0";

/** Capabilities of a file as the kernel stores them, version 2: cap_net_raw (13) permitted, and effective at once. */
const CAP_NET_RAW = "0100000200200000000000000000000000000000";

export const EXTRA_RECIPES: Recipe[] = [
  {
    ...program("opendoas", "doas", "ISC", "OpenBSD's doas command, the OpenDoas version", "usr/bin/doas"),
    depends: ["lab-pam"],
    add: [
      { path: "etc/doas.conf", content: DOAS_CONF, mode: 0o640 },
      { path: "etc/pam.d/doas", content: DOAS_PAM },
    ],
  },
  {
    ...program(
      "libpam-modules",
      "lab-pam",
      "BSD-3-Clause",
      "PAM's modules that ask the shadow file, for the lab's programs",
    ),
    take: ["unix", "permit", "deny"].map((n) => `lib/x86_64-linux-gnu/security/pam_${n}.so`),
    add: [{ path: "etc/pam.d/other", content: OTHER_PAM }],
  },
  {
    ...CHRONY,
    name: "chrony",
    description: "NTP client and server programs",
    take: ["usr/sbin/chronyd", "usr/bin/chronyc"],
    add: [{ path: "etc/chrony/chrony.conf", content: CHRONY_CONF }],
    scripts: { "pre-install": CHRONY_USER },
  },
  {
    ...CHRONY,
    name: "chrony-openrc",
    description: "NTP client and server programs (OpenRC init scripts)",
    installIf: ["openrc", "chrony=VERSION"],
    add: [script("etc/init.d/chronyd", CHRONYD_INITD), { path: "etc/conf.d/chronyd", content: CHRONYD_CONFD }],
  },
  {
    ...program(
      "tcpdump",
      "tcpdump",
      "BSD-3-Clause",
      "Tool for network monitoring and data acquisition",
      "usr/bin/tcpdump",
    ),
    // Debian's gives its privileges up for this user's, Alpine's stays root.
    scripts: { "pre-install": TCPDUMP_USER },
  },
  {
    ...program("restic", "restic", "BSD-2-Clause", "Fast, secure, efficient backup program", "usr/bin/restic"),
    repo: "community",
  },
  {
    ...program(
      "iputils-ping",
      "iputils-ping",
      "BSD-3-Clause AND GPL-2.0-or-later",
      "IP Configuration Utilities (ping)",
      "bin/ping*",
    ),
    xattrs: { "bin/ping": { "security.capability": CAP_NET_RAW } },
  },
  program("bubblewrap", "bubblewrap", "LGPL-2.0-or-later", "Unprivileged sandboxing tool", "usr/bin/bwrap"),
  {
    ...program(
      "podman",
      "podman",
      APACHE,
      "Simple management tool for pods, containers and images",
      "usr/bin/podman",
      "usr/lib/podman/rootlessport",
    ),
    repo: "community",
    depends: ["aardvark-dns", "catatonit", "conmon", "containers-common", "crun", "iptables", "lab-tls", "netavark"],
  },
  { ...program("conmon", "conmon", APACHE, "OCI container runtime monitor", "usr/bin/conmon"), repo: "community" },
  {
    ...program(
      "crun",
      "crun",
      "GPL-2.0-or-later AND LGPL-2.1-or-later",
      "Fast and lightweight OCI runtime in C",
      "usr/bin/crun",
    ),
    repo: "community",
  },
  {
    ...program("netavark", "netavark", APACHE, "Container network stack", "usr/lib/podman/netavark"),
    repo: "community",
  },
  {
    ...program(
      "aardvark-dns",
      "aardvark-dns",
      APACHE,
      "Authoritative DNS server for containers",
      "usr/lib/podman/aardvark-dns",
    ),
    repo: "community",
  },
  {
    ...program(
      "catatonit",
      "catatonit",
      "GPL-3.0-or-later",
      "Container init that is so simple it is effectively brain-dead",
    ),
    repo: "community",
    take: ["usr/bin/catatonit"],
    add: [{ path: "usr/libexec/podman/catatonit", target: "../../bin/catatonit" }],
  },
  {
    ...program(
      "golang-github-containers-common",
      "containers-common",
      APACHE,
      "Configuration files and manpages for containers",
    ),
    repo: "community",
    take: ["etc/containers/policy.json", "usr/share/containers/seccomp.json"],
    add: [
      { path: "etc/containers/containers.conf", content: CONTAINERS_CONF },
      { path: "etc/containers/registries.conf", content: 'unqualified-search-registries = ["docker.io"]\n' },
    ],
  },
];
