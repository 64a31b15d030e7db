/** The files of one server: what makes it itself (name, network, keys) and what its owner adds. Pure. */
import { die } from "../../errors.ts";
import { hostnamePattern } from "../../properties/patterns.ts";
import type { NetworkFiles } from "../network/model/types.ts";
import type { HostFile } from "./paths.ts";

/**
 * Turns a server's own name into one that an input may be: administrators use underscores, which systemd allows
 * (canonical/subiquity#1401), and names of up to 64 characters without a dot. The note says what was changed.
 */
export function carriedHostname(name: string): { hostname: string; note?: string } {
  if (hostnamePattern.test(name)) return { hostname: name };
  const labels = name.split(".").map((label) =>
    label
      .replaceAll(/[^A-Za-z0-9-]+/g, "-")
      .replace(/^-+/, "")
      .slice(0, 63)
      .replace(/-+$/, ""),
  );
  // a name that is too long keeps its first labels
  const whole = labels
    .filter(Boolean)
    .reduce((all, label) => (`${all}.${label}`.length <= 65 ? `${all}.${label}` : all), "");
  const hostname = whole.replace(/^\./, "") || "localhost";
  return {
    hostname,
    note: `the server's name ${JSON.stringify(name)} becomes ${hostname}: set hostname for another one`,
  };
}

/** Name, network and root's keys as files. */
export function identityFiles(o: { hostname: string; network: NetworkFiles; authorizedKeys: string[] }): HostFile[] {
  return [...systemIdentity(o), ...(o.authorizedKeys.length > 0 ? [authorizedKeysFile(o.authorizedKeys)] : [])];
}

/** Name and network: what lies in /etc and needs a boot. */
export function systemIdentity(o: { hostname: string; network: NetworkFiles }): HostFile[] {
  if (!hostnamePattern.test(o.hostname))
    die(`not a hostname: ${JSON.stringify(o.hostname)}`, 'set the input hostname, such as "web-1"');
  const root = "root:root";
  return [
    { path: "/etc/hostname", content: `${o.hostname}\n`, mode: "0644", owner: root },
    { path: "/etc/hosts", content: o.network.hosts, mode: "0644", owner: root },
    { path: "/etc/network/interfaces", content: o.network.interfaces, mode: "0644", owner: root },
    { path: "/etc/mactab", content: o.network.mactab, mode: "0644", owner: root },
    ...(o.network.resolvConf === undefined
      ? []
      : [{ path: "/etc/resolv.conf", content: o.network.resolvConf, mode: "0644", owner: root }]),
  ];
}

/** Whether a file of {@link systemIdentity} is the network's; /etc/hosts goes with the name. */
export const isNetworkFile = (file: HostFile) => /network|mactab|resolv/.test(file.path);

export function authorizedKeysFile(keys: string[]): HostFile {
  return { path: "/root/.ssh/authorized_keys", content: `${keys.join("\n")}\n`, mode: "0600", owner: "root:root" };
}
