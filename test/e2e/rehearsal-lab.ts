/** What the tests of rehearsals share: systems with a fault each, and a server that is to get them. */
import { readdir } from "node:fs/promises";
import { identityFiles } from "../../provider/host/files/identity.ts";
import { renderNetwork } from "../../provider/host/network/render/interfaces.ts";
import { readCommit } from "../../provider/image/ostree/commits.ts";
import type { Store } from "../../provider/image/store/store.ts";
import type { Props } from "../../provider/properties/values.ts";
import type { Guest } from "../../provider/rehearsal/guest.ts";
import { type Rehearsal, rehearse } from "../../provider/rehearsal/rehearse.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { labKey } from "../lab/vps/key.ts";
import type { ImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";

/** A server with two cards: fixed addresses on the first, DHCP on the second. */
function networkOf(macs: [string, string], four: string, six: string) {
  const none = { routerAdvertised: false, addresses: [], routes: [] };
  return renderNetwork({
    cards: [
      {
        ...none,
        name: "eth0",
        oldName: "ens3",
        mac: macs[0],
        dhcp: false,
        addresses: [
          { family: 4, address: `${four}.7`, prefix: 24 },
          { family: 6, address: `${six}::7`, prefix: 64 },
        ],
        routes: [{ family: 4, to: "default", via: `${four}.1`, onlink: false }],
      },
      { ...none, name: "eth1", oldName: "ens4", mac: macs[1], dhcp: true, metric: 4000 },
    ],
    names: macs.map((mac, n) => ({ name: `eth${n}`, mac })),
    lo: [],
    dns: { nameservers: [`${four}.53`], search: [] },
    hostname: "web-1",
  });
}

const network = networkOf(["52:54:00:12:34:56", "52:54:00:12:35:02"], "203.0.113", "2001:db8");
/** Of another server that is set up alike. */
export const otherNetwork = networkOf(["52:54:00:ab:cd:01", "52:54:00:ab:cd:02"], "198.51.100", "2001:db8:1");

export const SECRET = "hush, a token";

export async function guest(change: Partial<Guest> = {}): Promise<Guest> {
  const key = (await labKey()).public;
  return {
    network,
    identity: identityFiles({ hostname: "web-1", network, authorizedKeys: [key] }),
    files: [{ path: "/root/token", content: SECRET, mode: "0600", owner: "root:root" }],
    sshPorts: [22],
    kernelArguments: [],
    memory: 256,
    leaveOut: ["outside"],
    again: [],
    ...change,
  };
}

/** A web server, one check that passes, one that only warns, and one that needs the world. */
export const GOOD: Props = {
  packages: ["lighttpd"],
  services: { default: ["lighttpd"] },
  files: {
    "/etc/lighttpd/lighttpd.conf": {
      content: 'server.document-root = "/usr/share"\nserver.port = 80\n',
    },
  },
  healthChecks: [
    { name: "web", tcp: "127.0.0.1:80", timeout: 10 },
    { name: "room", freeSpace: { path: "/var", mib: 1_000_000 }, required: false },
    { name: "outside", tcp: "203.0.113.1:443", timeout: 2 },
    // only the program's own file makes it pass
    { name: "token", command: "grep -q hush /root/token", timeout: 5 },
  ],
};

/** Its first program restarts the machine. */
export const BROKEN_INIT: Props = {
  files: { "/etc/inittab": { content: "::sysinit:/sbin/reboot -f\n" } },
};

/** Its first program starts nothing. */
export const SILENT_INIT: Props = {
  files: { "/etc/inittab": { content: "::sysinit:/bin/true\n" } },
};

/** It comes up, and the service that matters does not answer. */
export const SICK: Props = {
  ...GOOD,
  healthChecks: [{ name: "db", tcp: "127.0.0.1:5432", timeout: 5 }],
};

/** The checksum of a system's commit. */
export async function commitOf(lab: ImageLab, store: Store, inputs: Props): Promise<string> {
  const config = lab.config(store);
  const key = (await labKey()).public;
  const { digest } = await new Life(rootfs, config).up({ authorizedKeys: [key], ...inputs });
  return (await new Life(ostreeCommit, config).up({ rootfs: digest })).checksum;
}

/** Rehearses it; `steps` gets what a person sees meanwhile. */
export async function rehearsed(
  lab: ImageLab,
  store: Store,
  checksum: string,
  o: { guest?: Partial<Guest>; timeout?: number; steps?: string[]; signal?: AbortSignal } = {},
): Promise<Rehearsal> {
  const commit = (await readCommit(store, checksum))!;
  const { signal = lab.task.signal } = o;
  const task = { ...lab.task, signal, step: (line: string) => void o.steps?.push(line) };
  return rehearse({ store, toolbox: lab.toolbox, task }, commit, await guest(o.guest), o.timeout);
}

/** What lies in the store's folder for work in progress. */
export const leftovers = (store: Store) => readdir(store.path("tmp"));
