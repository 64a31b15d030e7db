/** What kind of server a system is made for. */

export const targetNames = ["vm", "container"] as const;
export type Target = (typeof targetNames)[number];

export type SshServer = "dropbear" | "openssh";
