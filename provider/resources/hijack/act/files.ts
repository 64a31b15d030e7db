/** The files that a program gives a server, with their contents. */
import { readFile } from "node:fs/promises";
import { die } from "../../../errors.ts";
import type { HostFile } from "../../../host/files/paths.ts";
import { Asset } from "../../../properties/values.ts";
import { withoutUserinfo } from "../../../redact.ts";
import type { FileInput } from "../model/inputs.ts";

/** The user's files with their contents; sources are read here. Errors name the file, never what is in it. */
export async function hostFiles(files: Record<string, FileInput>): Promise<HostFile[]> {
  return Promise.all(
    Object.entries(files).map(async ([path, file]) => ({
      path,
      content: await contentOf(path, file),
      mode: file.mode ?? "0644",
      owner: file.owner ?? "root:root",
    })),
  );
}

async function contentOf(path: string, file: FileInput): Promise<string | Uint8Array> {
  if (file.content !== undefined) return file.content;
  const asset = file.source instanceof Asset ? file.source.content : {};
  if (asset.text !== undefined) return asset.text;
  if (asset.path !== undefined)
    return readFile(asset.path).catch((e: NodeJS.ErrnoException) =>
      die(
        `files["${path}"]: cannot read ${withoutUserinfo(asset.path!)} (${e.code ?? e.name})`,
        "give the path of a file on this machine",
        e,
      ),
    );
  return die(`files["${path}"]: an asset by URI is not supported`, "give a FileAsset, a StringAsset or content");
}
