/** Finds inputs of a Rootfs that are valid one by one, but contradict each other. Pure. */
import { packageName } from "../../image/packages/apkindex.ts";
import { parseRepository } from "../../image/packages/mirror.ts";
import { world } from "../../image/recipe/recipe.ts";
import type { Recipe } from "../../image/recipe/types.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import { checkContradictions } from "./health.ts";
import type { RootfsInputs } from "./shape.ts";

/** The contradictions of inputs that are all known and valid one by one. `recipe`: the recipe that they make. */
export function contradictions(i: RootfsInputs, recipe: Recipe): CheckFailure[] {
  const out: CheckFailure[] = [];
  const add = (property: string, code: string, reason: string) =>
    out.push({ property, reason, code: `${property.replace(/\[.*/, "")}.${code}` });
  ofTarget(i, add);
  ofPackages(i, recipe, add);
  ofRepositories(i, recipe, add);
  checkContradictions(i, recipe, add);
  return out;
}

type Add = (property: string, code: string, reason: string) => void;

function ofTarget(i: RootfsInputs, add: Add): void {
  if (i.target === "vm") {
    if (i.kernel === "none")
      add("kernel", "missing", 'a vm boots a kernel of its own: give "virt" or "lts", or target: "container"');
    return;
  }
  const host = "in a container it is the host's";
  if (i.kernel !== undefined && i.kernel !== "none") add("kernel", "container", `expected "none": ${host}`);
  if (Object.keys(i.extraKernelModules ?? {}).length > 0)
    add("extraKernelModules", "container", `expected none: ${host}`);
  if ((i.loadModules ?? []).length > 0) add("loadModules", "container", `expected none: ${host}`);
  if (i.extras?.includes("iomon")) add("extras", "container", `iomon watches a machine's disk: ${host}`);
  if (i.keymap !== undefined) add("keymap", "container", "a container has no console of its own");
  if (i.swap !== undefined && i.swap.kind !== "none") add("swap", "container", `expected kind none: ${host}`);
  if (i.tuning !== undefined) add("tuning", "container", `expected none: ${host}`);
  if (i.watchdog !== undefined) add("watchdog", "container", "expected none: it would reset the container's host");
  if (i.ntp !== undefined && i.ntp.client !== "none")
    add("ntp", "container", `expected client none: the clock ${host.slice(2)}`);
}

function ofPackages(i: RootfsInputs, recipe: Recipe, add: Add): void {
  const tags = new Set(i.repositories.flatMap((r) => parseRepository(r, i).tag ?? []));
  // with what the program has instead (doas), and without what it has beside its own "!"
  const left = new Set(i.packages.filter((p) => p.startsWith("!")).map(packageName));
  const needed = new Set(
    world({ ...recipe, packages: recipe.packages.filter((p) => !left.has(packageName(p))) }).map(packageName),
  );
  const seen = new Map<string, string>();
  for (const [n, p] of i.packages.entries()) {
    const name = packageName(p);
    const before = seen.get(name);
    if (before !== undefined && before.startsWith("!") !== p.startsWith("!"))
      add(`packages[${n}]`, "contradiction", `${p} and ${before} exclude each other`);
    else if (before !== undefined && before !== p)
      add(`packages[${n}]`, "twice", `${p} and ${before} name the same package`);
    seen.set(name, p);
    if (p.startsWith("!") && needed.has(name))
      add(`packages[${n}]`, "needed", `${name} cannot be left out: the base system or another property needs it`);
    const tag = /@([A-Za-z0-9._-]+)/.exec(p)?.[1];
    if (tag !== undefined && !tags.has(tag))
      add(
        `packages[${n}]`,
        "tag",
        `no repository has the tag @${tag}: give one in \`repositories\`, "@${tag} edge/community"`,
      );
    if (/^linux-(virt|lts|edge|stable|rpi)$/.test(name) && !p.startsWith("!"))
      add(`packages[${n}]`, "kernel", `the kernel is named by \`kernel\`: "${name.slice("linux-".length)}"`);
  }
}

function ofRepositories(i: RootfsInputs, recipe: Recipe, add: Add): void {
  const seen = new Map<string, string>();
  for (const [n, text] of i.repositories.entries()) {
    const r = parseRepository(text, recipe);
    const before = seen.get(`${r.tag ?? ""} ${r.url}`);
    if (before !== undefined)
      add(`repositories[${n}]`, "same", `"${text}" and "${before}" are the same place, ${r.url}`);
    seen.set(`${r.tag ?? ""} ${r.url}`, text);
  }
}
