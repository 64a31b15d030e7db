/** The machine and its old system: memory, hypervisor, kexec, programs. Pure. */
import type { Lines } from "./lines.ts";
import type { Facts, KexecFacts } from "./types/facts.ts";

export function memory(lines: Lines, field: string): number | undefined {
  const line = lines.get("mem")?.find((l) => l.startsWith(`${field}:`));
  return line ? Number(line.split(/\s+/)[1]) : undefined;
}

/** Available memory, which kernels before 3.14 do not add up themselves. */
export function available(lines: Lines): number | undefined {
  const free = memory(lines, "MemFree");
  return free === undefined ? undefined : free + (memory(lines, "Buffers") ?? 0) + (memory(lines, "Cached") ?? 0);
}

/** Vendors that hypervisors write into DMI, for servers without systemd-detect-virt. */
const VENDORS: [RegExp, string][] = [
  [/^KVM|KVM$|^Amazon EC2|Google Compute|OpenStack|Hetzner vServer|DigitalOcean|Vultr|Linode|UpCloud|Scaleway/, "kvm"],
  [/QEMU|Bochs/, "qemu"],
  [/^Xen|HVM domU/, "xen"],
  [/VMware/, "vmware"],
  [/^Microsoft/, "microsoft"],
  [/VirtualBox|^innotek/, "oracle"],
  [/Parallels/, "parallels"],
];

export function hypervisorOf(lines: Lines): string {
  const said = lines.get("hypervisor") ?? [];
  const named = said.find((name) => name !== "unknown");
  if (named) return named;
  const machine = lines.get("machine")?.[0] ?? "";
  return VENDORS.find(([pattern]) => pattern.test(machine))?.[1] ?? (said.length > 0 ? "unknown" : "none");
}

export function parseKexec(lines: Lines): KexecFacts {
  const disabled = lines.get("kexec.disabled")?.[0];
  const config = lines.get("kexec.config");
  const has = (name: string) => config?.includes(`CONFIG_KEXEC${name}=y`);
  return {
    disabled: disabled === undefined ? undefined : disabled === "1",
    load: has(""),
    fileLoad: has("_FILE"),
    signedOnly: has("_SIG_FORCE"),
  };
}

/** A word of a shell's assignment, without its quotes. */
export const unquote = (text: string) => text.replace(/^(["'])(.*)\1$/, "$2").replaceAll(/\\(.)/g, "$1");

export function parseOs(lines: Lines): Facts["os"] {
  const field = (name: string) => {
    const text = lines.get(`os.${name}`)?.[0];
    return text === undefined ? undefined : unquote(text);
  };
  const pretty = field("PRETTY_NAME") ?? "an unknown system";
  return {
    id: field("ID") ?? "unknown",
    idLike: field("ID_LIKE")?.split(/\s+/) ?? [],
    versionId: field("VERSION_ID"),
    // before Debian 9 the name stands only in the title
    codename: field("VERSION_CODENAME") ?? /\((\w+)\)/.exec(pretty)?.[1],
    name: pretty,
  };
}

export function parseTools(lines: Lines): Record<string, string> {
  const tools: Record<string, string> = {};
  for (const line of lines.get("tool") ?? []) {
    const [name, path] = line.split(" ");
    if (name && path) tools[name] = path;
  }
  const tar = lines.get("tar")?.[0];
  if (tar && tools.tar)
    tools.tar = /GNU/.test(tar) ? "gnu" : /busybox/i.test(tar) ? "busybox" : /bsdtar/.test(tar) ? "bsd" : "unknown";
  return tools;
}
