/** Links of OpenRC's runlevels. Pure. */
import { PineError } from "../../errors.ts";
import { closeNames } from "../../properties/nearest.ts";
import { baseServices } from "../recipe/recipe.ts";
import { type Recipe, runlevels } from "../recipe/types.ts";
import type { Change } from "./changes.ts";

/**
 * Links of the base system's services, those of settings and extras, and the program's. Links by packages' scripts are
 * removed before. `brought`: names in /etc/init.d of the packages; `own`: paths of files of ours and of the program.
 * Throws PineError naming the property.
 */
export function services(recipe: Recipe, brought: string[], own: string[]): Change[] {
  const mine = own.filter((p) => /^\/etc\/init\.d\/[^/]+$/.test(p)).map((p) => p.slice("/etc/init.d/".length));
  const known = new Set([...brought.filter((s) => s !== "functions.sh"), ...mine]);
  const base = baseServices(recipe);
  const out: Change[] = [];
  for (const level of runlevels) {
    out.push({ do: "dir", path: `/etc/runlevels/${level}`, mode: "0755", owner: [0, 0] });
    const asked = recipe.services[level] ?? [];
    for (const name of asked) {
      if (known.has(name)) continue;
      const close = closeNames(name, known);
      throw new PineError(`services.${level}: the image has no service ${name}`, {
        hint: `${close.length > 0 ? `did you mean ${close.join(" or ")}? ` : ""}known services are ${[...known].sort().join(", ")}; a package's service can be in a package of its own (-openrc)`,
      });
    }
    for (const name of [...new Set([...base[level], ...asked])].sort()) {
      if (!known.has(name)) throw new PineError(`the packages brought no service ${name}, which this system needs`);
      out.push({ do: "link", path: `/etc/runlevels/${level}/${name}`, target: `/etc/init.d/${name}` });
    }
  }
  return out;
}
