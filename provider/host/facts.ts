/** What is known of a server: one script there (system/host/facts.sh), a pure parser here. */
import { assetText } from "../assets.ts";
import { PineError } from "../errors.ts";
import { efiBits, foldersOf, parseContainer, parseGrub, xenOf } from "./facts-boot.ts";
import { parseDevices } from "./facts-devices.ts";
import { parseStorage } from "./facts-disk.ts";
import { diskFacts } from "./facts-disks.ts";
import { parseNetwork } from "./facts-network.ts";
import { parseRam } from "./facts-overwrite.ts";
import type { Facts, KexecFacts } from "./facts-types.ts";
import { gaveUp } from "./hanging.ts";
import type { PineFacts, Slots } from "./pine-types.ts";
import { publicKeyOf } from "./public-key.ts";
import { trustOf } from "./trust.ts";
import type { Ssh } from "./types.ts";

/** Milliseconds. An emulated server that does other things took 90 s; one on which nothing hangs takes seconds. */
const FACTS_MS = 180_000;

/** The script's lines: key -> values, in their order. */
export type Lines = Map<string, string[]>;

/** The script whose lines {@link parseFacts} reads; its argument is the login's name. */
export const factsScript = () =>
  ["facts-network", "facts-container", "facts-boot", "facts-devices", "facts-login", "facts-storage", "facts"]
    .map((name) => assetText(`system/host/${name}.sh`))
    .join("\n");

/** Reads a server's facts; writes nothing there. As much as the login may see, when it may not become root. */
export async function readFacts(ssh: Ssh): Promise<Facts> {
  const { stdout } = await ssh
    .exec(factsScript(), [ssh.user], { root: ssh.rootWay !== "none", timeout: FACTS_MS, what: "reading facts" })
    .catch((error: unknown) => {
      throw gaveUp(error, ssh.target);
    });
  return parseFacts(stdout);
}

/** `key=value` lines as a map; other lines (a login's greeting) and control characters are dropped. */
export function factLines(text: string): Lines {
  const lines: Lines = new Map();
  for (const line of text.split("\n")) {
    const m = /^([a-zA-Z0-9_.]+)=(.*)$/.exec(line.replaceAll(/\p{Cc}/gu, " ").trimEnd());
    if (!m) continue;
    const [key, value] = [m[1]!, m[2]!.trim()];
    if (value === "") continue;
    const values = lines.get(key);
    if (values) values.push(value);
    else lines.set(key, [value]);
  }
  return lines;
}

/** {@link Facts} out of the script's output. Throws when it is not that at all. */
export function parseFacts(text: string): Facts {
  const lines = factLines(text);
  const one = (key: string) => lines.get(key)?.[0];
  const all = (key: string) => lines.get(key) ?? [];
  if (one("format") !== "1" || !one("kernel") || !one("arch"))
    throw new PineError("the server's facts cannot be read: the script's output is not what was expected", {
      hint: "log in by hand and see whether its shell and its tools work",
    });
  const storage = parseStorage(lines);
  const folders = foldersOf(lines);
  const hypervisor = hypervisorOf(lines);
  const container = parseContainer(lines, { root: storage.root, folders, hypervisor });
  // a container's kernel, and what it was told, are its host's
  const cmdline = (one(container ? "pine.cmdline" : "cmdline") ?? "").split(/\s+/).filter(Boolean);
  return {
    uid: Number(one("uid")),
    os: parseOs(lines),
    hostname: one("hostname") ?? "localhost",
    timezone: one("timezone"),
    kernelRelease: one("kernel")!,
    arch: one("arch")!,
    cmdline,
    consoles: cmdline.filter((a) => a.startsWith("console=")).map((a) => a.slice("console=".length)),
    bootId: one("boot_id") ?? "",
    container: container?.kind,
    rights: container?.rights,
    machine: one("machine"),
    hypervisor,
    xen: xenOf(lines, hypervisor),
    firmware: one("efi") ? "uefi" : "bios",
    efiBits: efiBits(lines),
    folders,
    secureBoot: one("secureboot") === undefined ? undefined : one("secureboot") === "1",
    lockdown: /\[(\w+)\]/.exec(one("lockdown") ?? "")?.[1],
    watchdog: lines.has("watchdog"),
    ramKiB: memory(lines, "MemTotal") ?? 0,
    availableKiB: memory(lines, "MemAvailable") ?? available(lines),
    swapKiB: memory(lines, "SwapTotal") ?? 0,
    root: storage.root,
    ...diskFacts(lines),
    ...parseDevices(lines),
    kexec: parseKexec(lines),
    systemd: lines.has("systemd"),
    mounts: storage.mounts,
    grub: parseGrub(lines),
    network: parseNetwork(lines),
    tools: parseTools(lines),
    ...parseHostKeys(all("hostkey")),
    sshd: all("sshd").map((l) => [l.split(" ")[0]!, l.slice(l.indexOf(" ") + 1).trim()]),
    authorizedKeys: { root: all("key.root"), login: all("key.login") },
    pine: parsePine(lines, cmdline),
  };
}

/** Lines are `PATH KEY`; without a path of a key whose file cannot be used. */
function parseHostKeys(lines: string[]): Pick<Facts, "hostKeys" | "hostKeyFiles"> {
  const found = lines.map((line) => /^(?:(\/\S+) )?(.*)$/.exec(line)!);
  return {
    hostKeys: [...new Set(found.map((m) => m[2]!))],
    hostKeyFiles: found.flatMap(([, path, line = ""]) => {
      const key = publicKeyOf(line);
      return path && key ? [{ path, key }] : [];
    }),
  };
}

function memory(lines: Lines, field: string): number | undefined {
  const line = lines.get("mem")?.find((l) => l.startsWith(`${field}:`));
  return line ? Number(line.split(/\s+/)[1]) : undefined;
}

/** What kernels before 3.14 do not add up themselves. */
function available(lines: Lines): number | undefined {
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

function hypervisorOf(lines: Lines): string {
  const said = lines.get("hypervisor") ?? [];
  const named = said.find((name) => name !== "unknown");
  if (named) return named;
  const machine = lines.get("machine")?.[0] ?? "";
  return VENDORS.find(([pattern]) => pattern.test(machine))?.[1] ?? (said.length > 0 ? "unknown" : "none");
}

function parseKexec(lines: Lines): KexecFacts {
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

function parseOs(lines: Lines): Facts["os"] {
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

function parseTools(lines: Lines): Record<string, string> {
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

/** `key=value` lines of a file as an object. */
export function assignments(values: string[]): Record<string, string> {
  return Object.fromEntries(
    values.flatMap((l) => {
      const at = l.indexOf("=");
      return at > 0 ? [[l.slice(0, at), l.slice(at + 1)]] : [];
    }),
  );
}

function parsePine(lines: Lines, cmdline: string[]): PineFacts {
  const env = assignments(lines.get("pine.env") ?? []);
  const slots: Slots | undefined = lines.has("pine.env")
    ? {
        slot: env.pine_slot ?? "",
        trial: env.pine_trial ?? "",
        tries: Number(env.pine_tries || 0),
        boots: Number(env.pine_boots || 0),
      }
    : undefined;
  const argument = (name: string) => cmdline.find((a) => a.startsWith(`${name}=`))?.slice(name.length + 1);
  const deployments = (lines.get("pine.deployment") ?? []).map((p) =>
    p.replace(/^.*\/deploy\/([^/]+)\/deploy\//, "$1/"),
  );
  const leftovers = lines.get("pine.leftover") ?? [];
  // /boot/loader and /boot/boot are other systems' as well
  const tell = leftovers.some((p) => ["/.pine-new", "/ostree", "/boot/ostree"].includes(p));
  return {
    ...(lines.has("pine.options") ? { options: lines.get("pine.options")![0]!.split(/\s+/) } : {}),
    ...(lines.has("boot.loader") ? { otherLoader: true as const } : {}),
    install: lines.has("pine.install") ? assignments(lines.get("pine.install")!) : undefined,
    slots,
    ...(lines.has("pine.trust") ? { trust: trustOf(lines.get("pine.trust")!) } : {}),
    runningSlot: argument("pine.slot"),
    runningTrial: argument("pine.trial") === "1",
    deployment: argument("ostree")?.split("/").pop(),
    deployments: [...new Set(deployments)],
    ram: parseRam(lines),
    leftovers: tell ? leftovers : leftovers.filter((p) => p === "/.pine-var"),
  };
}
