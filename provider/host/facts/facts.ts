/** What is known of a server: one script there (host/facts/facts.sh), a pure parser here. */
import { PineError } from "../../errors.ts";
import { factsScript } from "../scripts.ts";
import { gaveUp } from "../ssh/hanging.ts";
import { publicKeyOf } from "../ssh/public-key.ts";
import type { Ssh } from "../ssh/types.ts";
import { efiBits, foldersOf, parseContainer, parseGrub, xenOf } from "./boot.ts";
import { parseDevices } from "./devices.ts";
import { diskFacts } from "./disks.ts";
import { factLines } from "./lines.ts";
import { available, hypervisorOf, memory, parseKexec, parseOs, parseTools } from "./machine.ts";
import { parseNetwork } from "./network.ts";
import { parsePine } from "./pine.ts";
import { parseStorage } from "./root.ts";
import type { Facts } from "./types/facts.ts";

/** Milliseconds. A busy emulated server took 90 s; a server on which nothing hangs takes seconds. */
const FACTS_MS = 180_000;

/** Reads a server's facts; writes nothing there. A login that may not become root gets what it may see. */
export async function readFacts(ssh: Ssh): Promise<Facts> {
  const { stdout } = await ssh
    .exec(factsScript(), [ssh.user], { root: ssh.rootWay !== "none", timeout: FACTS_MS, what: "reading facts" })
    .catch((error: unknown) => {
      throw gaveUp(error, ssh.target);
    });
  return parseFacts(stdout);
}

/** {@link Facts} out of the script's output. Throws when it is something else. */
export function parseFacts(text: string): Facts {
  const lines = factLines(text);
  const one = (key: string) => lines.get(key)?.[0];
  const all = (key: string) => lines.get(key) ?? [];
  if (one("format") !== "1" || !one("kernel") || !one("arch"))
    throw new PineError("the server's facts cannot be read: the script's output is not what was expected", {
      hint: "log in yourself and check whether its shell and its tools work",
    });
  const storage = parseStorage(lines);
  const folders = foldersOf(lines);
  const hypervisor = hypervisorOf(lines);
  const container = parseContainer(lines, { root: storage.root, folders, hypervisor });
  // a container's kernel, and the kernel's arguments, are its host's
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

/** Lines are `PATH KEY`, or only `KEY` when its file cannot be used. */
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
