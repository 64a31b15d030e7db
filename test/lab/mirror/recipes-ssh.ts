/**
 * OpenSSH as Alpine divides it, and what Alpine has beside dropbear: Debian's OpenSSH, which is linked to PAM and does
 * not use it.
 */
import { program, type Recipe, script } from "./recipe.ts";
import { SSHD_CONFD, SSHD_CONFIG, SSHD_INITD, SSHD_USER } from "./services-ssh.ts";

const SERVER = { debian: "openssh-server", license: "SSH-OpenSSH" };
const CLIENT = { debian: "openssh-client", license: "SSH-OpenSSH" };
const PORTABLE = "Port of OpenBSD's free SSH release";

export const SSH_RECIPES: Recipe[] = [
  {
    ...CLIENT,
    name: "openssh",
    description: PORTABLE,
    depends: ["openssh-client-default", "openssh-keygen", "openssh-server", "openssh-sftp-server"],
  },
  {
    ...CLIENT,
    name: "openssh-keygen",
    description: "ssh helper program for generating keys",
    take: ["usr/bin/ssh-keygen"],
  },
  {
    ...CLIENT,
    name: "openssh-client-common",
    description: "OpenBSD's SSH client common files",
    take: [
      ...["scp", "sftp", "ssh-add", "ssh-agent", "ssh-copy-id", "ssh-keyscan"].map((n) => `usr/bin/${n}`),
      "etc/ssh/ssh_config",
    ],
    depends: ["openssh-keygen"],
  },
  {
    ...CLIENT,
    name: "openssh-client-default",
    description: "OpenBSD's SSH client",
    take: ["usr/bin/ssh"],
    depends: ["openssh-client-common"],
    provides: ["openssh-client=VERSION"],
  },
  {
    ...SERVER,
    name: "openssh-server-common",
    description: "OpenSSH server configuration files",
    take: ["etc/ssh/moduli"],
    add: [
      { path: "etc/ssh/sshd_config", content: SSHD_CONFIG },
      { path: "etc/ssh/sshd_config.d", directory: true },
      { path: "var/empty", directory: true },
    ],
    scripts: { "pre-install": SSHD_USER },
  },
  {
    ...SERVER,
    name: "openssh-server-common-openrc",
    description: "OpenSSH server configuration files (OpenRC init scripts)",
    installIf: ["openrc", "openssh-server-common=VERSION"],
    add: [script("etc/init.d/sshd", SSHD_INITD), { path: "etc/conf.d/sshd", content: SSHD_CONFD }],
  },
  {
    ...SERVER,
    name: "openssh-server",
    description: "OpenSSH server",
    take: ["usr/sbin/sshd"],
    depends: ["openssh-keygen", "openssh-server-common"],
  },
  {
    name: "dropbear-ssh",
    debian: "dropbear-bin",
    license: "MIT",
    description: "dropbear ssh command",
    depends: ["dropbear-dbclient", "!openssh-client-default"],
    add: [{ path: "usr/bin/ssh", target: "dbclient" }],
  },
  {
    // Debian's dropbear has no scp of its own: this is OpenSSH's, which calls usr/bin/ssh and speaks the old protocol
    // only with -O.
    ...program("openssh-client", "dropbear-scp", "SSH-OpenSSH", "dropbear scp command", "usr/bin/scp"),
    depends: ["!openssh-client-common"],
  },
  {
    ...program(
      "mosh",
      "mosh-server",
      "GPL-3.0-or-later",
      "Mobile shell surviving disconnects with local echo and line editing (server)",
    ),
    take: ["usr/bin/mosh-server"],
    depends: ["lab-locale"],
  },
];
