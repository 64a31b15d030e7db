/** Everything that getHostFacts tells of a server; the state keeps less (hijack/model/outputs.ts). */
import type { Facts, KexecFacts } from "../../host/facts/types/facts.ts";
import type { Interface } from "../../host/facts/types/network.ts";
import type { Disk, Volume } from "../../host/facts/types/storage.ts";
import type { Props } from "../../properties/values.ts";

/** The facts that do not change, for the state. */
export function factsOutput(facts: Facts): Props {
  return {
    os: facts.os.name,
    kernel: facts.kernelRelease,
    arch: facts.arch,
    firmware: facts.firmware,
    machine: facts.machine,
    memoryBytes: facts.ramKiB * 1024,
    rootDevice: facts.root.device,
    rootFilesystem: facts.root.type,
    hostname: facts.hostname,
  };
}

export function allFacts(facts: Facts): Props {
  const { container, hypervisor, secureBoot, lockdown, bootId, hostKeys, network, pine } = facts;
  return {
    ...factsOutput(facts),
    container,
    hypervisor,
    secureBoot,
    lockdown,
    bootId,
    hostKeys,
    kexec: kexec(facts.kexec),
    installationId: pine.install?.id,
    disks: facts.disks.map(disk),
    interfaces: network.interfaces.filter((i) => i.kind !== "loopback").map((i) => card(i, facts)),
    nameservers: network.nameservers,
  };
}

function kexec(k: KexecFacts): string {
  if (k.disabled) return "disabled";
  if (k.load === undefined) return "unknown";
  if (!k.load && !k.fileLoad) return "absent";
  return k.signedOnly ? "signed" : "available";
}

function volume({ device, bytes, type, label, uuid, holds, mounts }: Volume): Props {
  return { device, bytes, content: type, label, uuid, holds, mounts };
}

function disk(d: Disk): Props {
  const { table, tableId, ids, model } = d;
  const partitions = d.partitions.map((p) => ({ number: p.number, ...volume(p), partuuid: p.partuuid }));
  return { ...volume(d), table, tableId, ids, model, partitions };
}

function card(i: Interface, { network }: Facts): Props {
  const { name, kind, mac, mtu, up } = i;
  const routes = network.routes.filter((r) => r.dev === name && r.to === "default");
  return {
    name,
    kind,
    mac,
    mtu,
    up,
    dhcp: i.dhcp !== undefined || i.addresses.some((a) => a.family === 4 && a.dynamic),
    addresses: i.addresses.filter((a) => a.scope === "global").map((a) => `${a.address}/${a.prefix}`),
    gateways: routes.flatMap((r) => r.via ?? []),
    ...(i.vlan ? { vlan: i.vlan.id, parent: i.vlan.parent } : {}),
    ...(i.bond ? { members: i.bond.members, mode: i.bond.mode } : {}),
    ...(i.kind === "bridge" ? { members: network.interfaces.filter((m) => m.master === name).map((m) => m.name) } : {}),
  };
}
