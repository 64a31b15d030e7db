/** The SSH server of an image: what each of the two brings. Pure. */
import type { SshServer } from "../../boot/target.ts";
import type { Piece } from "./types.ts";

/** Which server a system with these packages has. With both it is dropbear, which takes less. Absent: neither. */
export function sshServerOf(packages: readonly { name: string }[]): SshServer | undefined {
  const has = (name: string) => packages.some((p) => p.name === name);
  return has("dropbear") ? "dropbear" : has("openssh-server") ? "openssh" : undefined;
}

/** With either: a server's host keys are kept when the next image has the other one (libexec/pine/hostkeys). */
export const baseSsh = ["dropbear-convert"];

/**
 * sshd takes the first value it finds, and Alpine's sshd_config includes this folder before it says anything itself.
 * Local forwarding is what a jump host needs, as with dropbear; Alpine has it off.
 */
const SSHD = `# Keys only.
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
AllowTcpForwarding local
GatewayPorts no
X11Forwarding no
PermitTunnel no
`;

/** Packages, service and settings; host keys that are missing are made at the first start, by either's service. */
export function sshPiece(server: SshServer): Piece {
  if (server === "openssh")
    return {
      // ssh-keygen is what the service makes host keys with
      packages: [...baseSsh, "openssh-server", "openssh-keygen", "openssh-sftp-server"],
      services: { default: ["sshd"] },
      files: [{ path: "/etc/ssh/sshd_config.d/50-pine.conf", content: SSHD }],
    };
  return {
    packages: [...baseSsh, "dropbear"],
    services: { default: ["dropbear"] },
    files: [
      {
        path: "/etc/conf.d/dropbear",
        content: '# Keys only, host keys are made when there are none.\nDROPBEAR_OPTS="-s -R"\n',
      },
    ],
  };
}
