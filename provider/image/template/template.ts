/**
 * Container templates: a commit's sysroot with all that a manager of containers needs around it, as an archive or a
 * squashfs.
 */
import { join } from "node:path";
import { asset, assetText } from "../../assets.ts";
import { die } from "../../errors.ts";
import { sha256 } from "../../local/hash.ts";
import type { Task } from "../../task.ts";
import { humanBytes } from "../../words.ts";
import { buildScript } from "../namespace/run-in.ts";
import { type CommitManifest, readCommit } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { type ArtifactFacts, artifact, formatOf, readArtifact } from "../store/artifact.ts";
import type { Store } from "../store/store.ts";
import { writeSum } from "../store/sum.ts";
import { measure, type SysrootTree, sysrootFormat, sysrootTree } from "../sysroot/tree.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import { writeChanges } from "../tree/changes.ts";
import { skeleton } from "./skeleton.ts";

export const TEMPLATE_FORMATS = ["tar.zst", "squashfs"] as const;
export type TemplateFormat = (typeof TEMPLATE_FORMATS)[number];

/** Content of the JSON file beside a template. */
export interface TemplateFacts extends ArtifactFacts {
  /** The commit in slot a. */
  commit: string;
  fileFormat: TemplateFormat;
  /** Bytes on a disk: files in blocks of 4 KiB, hard links once. */
  unpackedSize: number;
}

export interface Template extends TemplateFacts {
  /** Name in the store, by what went into it. */
  name: string;
  /** store/images/<name>.<format> */
  path: string;
}

const INIT = ["system", "container", "init"];
const FACTORY = ["system", "rootfs", "usr", "libexec", "pine", "factory"];
const SCRIPTS = [["image/template/template.sh"], ["image/tree/apply.sh"]];

/** Changes whenever the same commit gives another template. */
export const templateFormat = () =>
  formatOf(1, [
    sysrootFormat("container"),
    JSON.stringify(skeleton({ checksum: "0".repeat(64), kernel: "/vmlinuz-0-container", title: "x", init: "" })),
    ...[...SCRIPTS, FACTORY].map((path) => assetText(...path)),
  ]);

/** Name of the image in the store: the same commit and makers give the same name. */
export const templateName = (checksum: string) =>
  `${checksum.slice(0, 16)}-${sha256(`template ${checksum} ${templateFormat()}`).slice(0, 16)}`;

/** The template when the store has it already. */
export async function readTemplate(
  store: Store,
  checksum: string,
  format: TemplateFormat,
): Promise<Template | undefined> {
  const name = templateName(checksum);
  const path = store.image(name, format);
  const facts = await readArtifact<TemplateFacts>(store, path, templateFormat());
  return facts && { ...facts, name, path };
}

/**
 * A template of a container's commit of the store, kept in store/images: slot a confirmed, /var filled, no old system.
 * The same commit and toolbox give the same bytes. Refuses a machine's commit.
 */
export async function containerTemplate(
  workshop: Workshop,
  checksum: string,
  format: TemplateFormat = "tar.zst",
): Promise<Template> {
  const { store, toolbox, task } = workshop;
  const commit = await readCommit(store, checksum);
  if (!commit) return die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  refuseMachine(commit, checksum);
  const name = templateName(checksum);
  const path = store.image(name, format);
  const facts = await artifact<TemplateFacts>(store, path, templateFormat(), task, async (dir) => {
    const sysroot = await sysrootTree(workshop, checksum, dir);
    task.step(`packing the template (${humanBytes(sysroot.unpackedSize)})`);
    const unpackedSize = await make(toolbox, dir, sysroot, { created: commit.created, format }, task);
    return { file: join(dir, `template.${format}`), facts: { commit: checksum, fileFormat: format, unpackedSize } };
  });
  await writeSum(path, facts.sha256);
  return { ...facts, name, path };
}

/**
 * Dies when a commit is a machine's: nothing in a container would use its kernel, and its services look for disks and
 * clocks.
 */
export function refuseMachine(commit: CommitManifest | undefined, checksum: string): void {
  if (commit && commit.target !== "container")
    die(
      `commit: ${checksum.slice(0, 12)} is for a machine, with a kernel of its own`,
      'build the Rootfs with target: "container", or make a DiskImage of it',
    );
}

/** Answers the bytes of what is in it, on a disk. `created`: seconds, of every file. */
async function make(
  toolbox: Toolbox,
  dir: string,
  { checksum, kernel, deployment }: SysrootTree,
  { created, format }: { created: number; format: TemplateFormat },
  task: Task,
): Promise<number> {
  const title = `Pine ${checksum.slice(0, 12)}`;
  const changes = skeleton({ checksum, kernel, title, init: assetText(...INIT) });
  const files = join(dir, "files");
  const input = await writeChanges(files, changes, "/run/work/root");
  const { stdout } = await toolbox.run(["/bin/sh", "/run/template.sh", deployment, format, String(created)], {
    binds: [
      buildScript("image/template/template.sh"),
      buildScript("image/tree/apply.sh"),
      { source: asset(...FACTORY), target: "/run/factory", readOnly: true },
      { source: files, target: "/run/files", readOnly: true },
      { source: dir, target: "/run/work" },
    ],
    input,
    env: { TZ: "UTC" },
    signal: task.signal,
  });
  return measure(stdout).bytes;
}
