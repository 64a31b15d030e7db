/** Checks with OSTree itself that a commit has what was asked for, before anybody is told of it. */
import { die } from "../../errors.ts";
import { buildScript } from "../namespace/run-in.ts";
import { REPO } from "../ostree/check.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { type InstalledPackage, parseInstalledDatabase } from "../packages/installed.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import type { Recipe } from "../recipe/types.ts";
import { contentsOf, type Missing, missingEntry, missingName, parseEntries } from "./asked.ts";
import type { Change } from "./changes.ts";

const PASSWD = "/usr/etc/passwd";
/** The databases of apk 2 and of apk 3, which reads both. */
const DATABASES = ["/usr/lib/apk/db/installed", "/lib/apk/db/installed"];

/**
 * Dies with the first thing that the program asked for and the commit lacks. Answers the packages that are in it, by
 * apk's database there.
 */
export async function lookForAsked(
  { store, toolbox, task }: Workshop,
  checksum: string,
  o: { recipe: Recipe; lock: LockedPackage[]; changes: Change[] },
): Promise<InstalledPackage[]> {
  const { recipe, lock, changes } = o;
  task.step("checking that everything is there");
  const binds = [buildScript("image/tree/asked.sh"), { source: store.repo, target: REPO, readOnly: true }];
  const ask = async (args: string[], input?: string) =>
    (await toolbox.run(["/bin/sh", "/run/asked.sh", ...args], { binds, input, signal: task.signal })).stdout;
  const entries = parseEntries(await ask(["list", checksum]));
  refuse(missingEntry(recipe, changes, entries), recipe);
  const database = DATABASES.find((path) => entries.get(path)?.type === "file");
  if (!database) return die("the image has no database of its packages", "a hook removed lib/apk/db/installed");
  const wanted = contentsOf(recipe, changes, entries);
  const read = await ask(["read", checksum, PASSWD, database], wanted.places.map((p) => `${p}\n`).join(""));
  const text = (name: string) => read.split(`@ ${name}\n`)[1]?.split("\n@ ")[0] ?? "";
  const installed = parseInstalledDatabase(`${text(database).trimEnd()}\n`);
  refuse(missingName(recipe, lock, { passwd: text(PASSWD), installed }), recipe);
  if (wanted.places.length > 0 && text("sum").split(" ")[0] !== wanted.sha256)
    die(
      "a file of the image has different content than it was given",
      "run `pulumi up` again; if it fails again, this is a bug in Pine",
    );
  return installed;
}

function refuse(missing: Missing | undefined, recipe: Recipe): void {
  if (!missing) return;
  const hint =
    recipe.hooks.length > 0
      ? "a command of `buildCommands` removed it, or its path is in a folder where an image keeps nothing"
      : "its path is in a folder where an image keeps nothing, or another file replaced it: choose another path";
  die(`${missing.property}: ${missing.path} ${missing.why}`, hint);
}
