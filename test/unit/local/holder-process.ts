/**
 * A Pine that holds or tidies one thing, for holder.test.ts: `hold|tidy temp|lock|ssh FOLDER`. Holding prints a line
 * and stays until it is killed; tidying does what every start does and ends.
 */
import { privateFolder } from "../../../provider/host/ssh/private-folder.ts";
import { Store } from "../../../provider/image/store/store.ts";
import { withFileLock } from "../../../provider/local/lock.ts";
import { quietTask } from "../../../provider/task.ts";

const [act = "", what = "", folder = ""] = process.argv.slice(2);
const forEver = () =>
  new Promise<never>((_, failed) => setTimeout(() => failed(new Error("nobody ended it")), 120_000));
const say = (text: string) => console.log(text);

if (what === "ssh") {
  process.env.XDG_RUNTIME_DIR = folder;
  const mine = await privateFolder();
  if (act === "hold") {
    await mine.write("config", "Host *\n");
    say(mine.path);
    await forEver();
  }
  mine.remove();
} else if (what === "temp") {
  const store = await Store.open(folder);
  if (act === "hold")
    await store.temp((dir) => {
      say(dir);
      return forEver();
    });
} else {
  // who comes while it is held waits: a few looks are enough
  const signal = act === "hold" ? undefined : AbortSignal.timeout(1500);
  const work = async () => {
    if (act !== "hold") return;
    say("held");
    await forEver();
  };
  await withFileLock(`${folder}/lock`, "a build", quietTask(signal), work).catch((e) => {
    if (!signal?.aborted) throw e;
    say("waited");
    process.exit(0);
  });
}
say("done");
process.exit(0);
