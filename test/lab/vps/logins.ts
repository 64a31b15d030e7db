/** Users of every kind on one of the lab's servers, for tests of logins. */
import { die } from "../../../provider/errors.ts";
import type { Vps } from "./vps.ts";

/**
 * Each has the lab's key, and the password of {@link addLogins}; `debian` (sudo without a password) and `nosudo` are
 * there from the start.
 */
export const LOGINS = {
  sudopw: "sudo asks for the password",
  sudosome: "sudo asks for the password, and allows one command",
  sudotty: "sudo asks for nothing, but wants a terminal",
  doasnp: "doas asks for nothing",
  doaspw: "doas asks for the password",
} as const;

const SCRIPT = `set -eu
IFS= read -r password
for user in "$@"; do
  useradd --create-home --shell /bin/bash "$user"
  mkdir -m 700 "/home/$user/.ssh"
  cp /root/.ssh/authorized_keys "/home/$user/.ssh/"
  chown -R "$user:$user" "/home/$user/.ssh"
done
for user in debian nosudo "$@"; do printf '%s:%s\\n' "$user" "$password"; done | chpasswd
cat >/etc/sudoers.d/91-logins <<'END'
Defaults:sudotty requiretty
sudopw ALL=(ALL) ALL
sudosome ALL=(root) /usr/bin/id
sudotty ALL=(ALL) NOPASSWD: ALL
END
chmod 440 /etc/sudoers.d/91-logins
visudo -cq
printf 'permit nopass doasnp\\npermit persist doaspw\\n' >/etc/doas.conf
doas -C /etc/doas.conf`;

/** Makes the users; all have this password, and so have those that are there from the start. */
export async function addLogins(vps: Vps, password: string): Promise<void> {
  const sent = await vps.ssh("cat >/run/logins", { input: SCRIPT });
  if (sent.exitCode !== 0) die(`the lab's logins: ${sent.stderr}`);
  const made = await vps.ssh(`sh /run/logins ${Object.keys(LOGINS).join(" ")}`, { input: `${password}\n` });
  if (made.exitCode !== 0) die(`the lab's logins: exit code ${made.exitCode}: ${made.stderr || made.stdout}`);
}
