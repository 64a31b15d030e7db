/** DiskImage: a disk that boots a commit, kept in the store under a name derived from its content. */

import { kernelArgumentProblem } from "../../boot/arguments.ts";
import { die } from "../../errors.ts";
import { DEFAULT, ROOTS, rootFilesystem } from "../../filesystems/all.ts";
import { MiB } from "../../filesystems/filesystem.ts";
import { needQemuFor } from "../../image/disk/fill.ts";
import { FILE_FORMATS, notForOverwrite } from "../../image/disk/formats/pack.ts";
import { type ImageOptions, LABELS } from "../../image/disk/identity.ts";
import { diskImage as buildImage, type Image, readImage } from "../../image/disk/image.ts";
import { needMount } from "../../image/disk/needs.ts";
import { BOOT_MIB, ESP_MIB, SWAP_MIB } from "../../image/disk/sizes.ts";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { type CommitManifest, readCommit } from "../../image/ostree/commits.ts";
import { flag, integer, list, text } from "../../properties/check.ts";
import { diffInputs } from "../../properties/diff.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import { hostnamePattern } from "../../properties/patterns.ts";
import { type Checked, checkProps } from "../../properties/rule.ts";
import { hasUnknown, type Props, plain, Unknown } from "../../properties/values.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Call } from "../../resource.ts";
import { noteDisk } from "../estimates.ts";
import { secretArguments } from "../secret-arguments.ts";
import { storeIfThere } from "../store.ts";
import { type CommitFile, commitFile, findFile } from "./life.ts";

/** A screen and the serial line that providers' web consoles show; the last is /dev/console. */
const CONSOLES = ["tty0", "ttyS0,115200"];

export const shape = {
  commit: text({ required: true, pattern: CHECKSUM, expected: "the checksum of an OstreeCommit (64 hex digits)" }),
  // the minimum catches typing errors; a later check knows what the commit needs
  size: integer({ min: 64, max: 1024 * 1024, hint: "the size is in MiB" }),
  format: text({ enum: FILE_FORMATS, default: "raw.zst" }),
  partitionTable: text({ enum: LABELS, default: "gpt" }),
  espSize: integer({ ...ESP_MIB, hint: "the size is in MiB" }),
  filesystem: text({ enum: ROOTS, default: DEFAULT }),
  bootSize: integer({ ...BOOT_MIB, hint: "the size is in MiB; leave it out for none" }),
  swap: integer({ ...SWAP_MIB, hint: "the size is in MiB; leave it out for none" }),
  grow: flag({ default: true }),
  kernelArguments: list(
    text({
      expected: 'a kernel argument, such as "mitigations=off"',
      verify: (arg) => {
        const problem = kernelArgumentProblem(arg);
        return problem && `${JSON.stringify(withoutUserinfo(arg))} ${problem}`;
      },
    }),
  ),
  hostname: text({
    pattern: hostnamePattern,
    expected: 'a hostname, such as "web-1"',
  }),
};
type Inputs = Checked<typeof shape>;

const image: CommitFile<Inputs, Image> = {
  type: "DiskImage",
  noun: "image",
  async check(_call, { news }) {
    const { inputs, failures } = checkProps(news, shape);
    return { inputs, failures: failures.length > 0 ? failures : [...contradictions(inputs), ...secretArguments(news)] };
  },
  diffInputs(olds, news) {
    // inputs of an older provider lack these defaults
    const defaults = { format: "raw.zst", partitionTable: "gpt", filesystem: DEFAULT, grow: true };
    return diffInputs({ ...defaults, ...olds }, { ...defaults, ...news }, { ordered: ["kernelArguments"] });
  },
  find: (store, inputs) => readImage(store, inputs.commit, optionsOf(inputs), inputs.format),
  refuse: refuseContainer,
  preview,
  build: (workshop, inputs) => buildImage(workshop, inputs.commit, optionsOf(inputs), inputs.format),
  stateOf,
};

export const diskImage = commitFile(image);

/** Inputs that are valid one by one, but contradict each other. image/disk/plan.ts checks what a commit needs. */
function contradictions(i: Props): CheckFailure[] {
  if (i.partitionTable === "mbr" && i.espSize !== undefined)
    return [
      {
        property: "espSize",
        reason:
          'expected none with partitionTable "mbr", which has no EFI system partition; leave it out, or set partitionTable: "gpt"',
        code: "espSize.mbr",
      },
    ];
  const given = [
    ["espSize", i.espSize],
    ["bootSize", i.bootSize],
    ["swap", i.swap],
  ];
  const parts = given.filter(([, mib]) => typeof mib === "number") as [string, number][];
  const sum = parts.reduce((all, [, mib]) => all + mib, 0);
  if (typeof i.size !== "number" || sum < i.size) return [];
  const [property] = parts.sort((a, b) => b[1] - a[1])[0]!;
  const all = parts.map(([name, mib]) => `${name} ${mib}`).join(" and ");
  return [
    {
      property,
      reason: `${all} MiB leave nothing for the system on a disk of ${i.size} MiB; make it smaller, or \`size\` larger`,
      code: `${property}.size`,
    },
  ];
}

/** The image's options. They depend on the user's inputs alone, so that stacks share images. */
function optionsOf(inputs: Inputs): ImageOptions {
  const kernelArguments = inputs.kernelArguments ?? [];
  return {
    size: inputs.size === undefined ? undefined : inputs.size * MiB,
    label: inputs.partitionTable,
    espSize: inputs.espSize === undefined ? undefined : inputs.espSize * MiB,
    filesystem: inputs.filesystem,
    bootSize: inputs.bootSize === undefined ? undefined : inputs.bootSize * MiB,
    swap: inputs.swap === undefined ? undefined : inputs.swap * MiB,
    grow: inputs.grow,
    kernelArguments,
    console: kernelArguments.some((arg) => arg.startsWith("console=")) ? [] : CONSOLES,
    title: `Pine ${inputs.commit.slice(0, 12)}`,
    hostname: inputs.hostname,
  };
}

function stateOf(image: Image): Props {
  return {
    path: image.path,
    sha256: image.sha256,
    fileSize: image.size,
    size: image.diskSize / MiB,
    commit: image.commit,
    rootUuid: image.rootUuid,
    partitions: image.partitions.map(({ name, start, size, uuid }) => ({
      name,
      kind: name === "root" || name === "boot" ? "linux" : name,
      start,
      size,
      uuid,
    })),
  };
}

function refuseContainer(manifest: CommitManifest | undefined, commit: string): void {
  if (manifest?.target === "container")
    die(
      `commit: ${commit.slice(0, 12)} is for a container, which has no kernel to boot`,
      'build the Rootfs with target: "vm", or make a ContainerTemplate of it',
    );
}

async function preview(call: Call, inputs: Props): Promise<Props> {
  const store = hasUnknown(inputs.commit) ? undefined : await storeIfThere(call);
  const manifest = store && (await readCommit(store, plain(inputs.commit)));
  refuseContainer(manifest, inputs.commit);
  const filesystem: string = hasUnknown(inputs.filesystem) ? DEFAULT : (inputs.filesystem ?? DEFAULT);
  if (manifest) needMount(manifest, filesystem);
  const found = hasUnknown(inputs) ? undefined : await findFile(call, image, inputs);
  const bytes = found?.diskSize ?? (typeof inputs.size === "number" ? inputs.size * MiB : 0);
  noteDisk(bytes, notForOverwrite(inputs.format ?? "raw.zst", inputs.partitionTable ?? "gpt"));
  if (found) return stateOf(found);
  if (rootFilesystem(filesystem).make) await needQemuFor(filesystem);
  const later = ["path", "sha256", "fileSize", "rootUuid", "partitions"].map((key) => [key, Unknown.value]);
  return { ...Object.fromEntries(later), size: inputs.size ?? Unknown.value, commit: inputs.commit };
}
