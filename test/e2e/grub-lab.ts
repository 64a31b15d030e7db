/** A server's disk with an old system and two slots, and Debian's GRUB, which boots it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { slotFile } from "../../provider/boot/slot.ts";
import { type EnvState, envBlock } from "../../provider/boot/state.ts";
import { type GrubMachine, type GrubOptions, startGrub } from "../lab/grub/index.ts";
import { tinyKernel } from "../lab/grub/kernel.ts";

export const uuid = "aaaaaaaa-2222-4333-8444-555555555555";
const scratch = mkdtempSync(join(tmpdir(), "pine-grub-"));
/** Every character that a slot's options may hold. */
export const OPTIONS = "root=UUID=aaaa rw x=09AZ,.:;=+@%/~^()#_- quiet";

const machines: GrubMachine[] = [];
let count = 0;
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});
afterAll(() => rmSync(scratch, { recursive: true }));

export interface Old {
  /** Of the slots; bytes: what lies there instead, undefined: nothing. */
  env: EnvState | Uint8Array | "a folder" | undefined;
  /** Boot parts: slot -> path -> content. */
  parts?: Record<string, Record<string, string | Uint8Array>>;
  /** What confirmed.cfg names. */
  confirmed?: string;
  /** What the old system's grub.cfg says before it sources custom.cfg. */
  sets?: string;
  timeout?: string;
  pine?: (text: string) => string;
  /** Slots whose kernel is not there. */
  broken?: string[];
  /** Slots that are not there. */
  gone?: string[];
  more?: Partial<GrubOptions>;
}

/** The folder of a slot's boot part. */
export const partOf = (name: string) => `part-${name.repeat(16)}`;

function envFile(env: Old["env"]): Record<string, string | Uint8Array> {
  if (env === undefined) return {};
  if (env === "a folder") return { "boot/grub/pine/env/file": "" };
  return { "boot/grub/pine/env": env instanceof Uint8Array ? env : envBlock(env) };
}

/** A server with an old system, and a slot a and b beside it. */
export async function start({
  env,
  parts = {},
  confirmed,
  sets = "",
  timeout = "1",
  pine = (t) => t,
  broken = [],
  gone = [],
  more,
}: Old): Promise<GrubMachine> {
  const slot = (name: string) =>
    slotFile({
      title: `Pine ${name}`,
      uuid,
      options: OPTIONS,
      initrd: "/boot/ostree/initrd",
      linux: broken.includes(name) ? "/boot/ostree/nowhere" : "/boot/ostree/vmlinuz",
      part: parts[name] && partOf(name),
    });
  const brought = Object.entries(parts).flatMap(([name, files]) =>
    Object.entries(files).map(([path, content]) => [`boot/grub/pine/${partOf(name)}/${path}`, content] as const),
  );
  const old = [
    "serial --unit=0 --speed=115200\nterminal_input serial console\nterminal_output serial",
    `set timeout=${timeout}\nset default=0\n${sets}`,
    "menuentry Debian --unrestricted {\n echo pager=$pager\n linux (hd0)/boot/vmlinuz old=1\n}",
    // as Debian's 41_custom has it
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: GRUB's own
    "if [ -f  ${config_directory}/custom.cfg ]; then\n  source ${config_directory}/custom.cfg",
    'elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then\n  source $prefix/custom.cfg;\nfi\n',
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: GRUB's own
  ];
  const machine = await startGrub({
    dir: join(scratch, String(++count)),
    uuid,
    files: {
      "boot/vmlinuz": tinyKernel(),
      "boot/ostree/vmlinuz": tinyKernel(),
      "boot/ostree/initrd": "initrd",
      "boot/grub/grub.cfg": old.join("\n"),
      "boot/grub/custom.cfg": assetText("system/grub/custom.cfg"),
      "boot/grub/pine/grub.cfg": pine(assetText("system/grub/pine.cfg")),
      ...Object.fromEntries(
        ["a", "b"].filter((n) => !gone.includes(n)).map((n) => [`boot/grub/pine/${n}.cfg`, slot(n)]),
      ),
      ...envFile(env),
      ...(confirmed === undefined ? {} : { "boot/grub/pine/confirmed.cfg": `set pine_slot=${confirmed}\n` }),
      ...Object.fromEntries(brought),
    },
    ...more,
  });
  machines.push(machine);
  return machine;
}

export const booted = (slot: string) => new RegExp(`/boot/ostree/vmlinuz \\S+ .*quiet pine\\.slot=${slot}`);
export const OLD = /\/boot\/vmlinuz old=1/;
