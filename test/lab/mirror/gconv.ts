/** Character sets of the glibc layer. */
import type { PackageFile, PackageSpec } from "./apk-format.ts";
import type { TarEntry } from "./tar.ts";

/** Character sets of DOS, which mtools converts by iconv. */
export function gconvPackage(libc: TarEntry[], version: string): PackageSpec {
  const folder = "usr/lib/x86_64-linux-gnu/gconv";
  const files = ["IBM850.so", "IBM437.so", "CP1252.so"].map((name): PackageFile => {
    const found = libc.find((e) => e.path === `${folder}/${name}`);
    if (!found) throw new Error(`Debian's libc6 has no ${folder}/${name}`);
    return { path: found.path, content: found.data };
  });
  const modules = [
    ["CP850", "IBM850"],
    ["CP437", "IBM437"],
  ].map(([alias, name]) => `alias ${alias}// ${name}//\n`);
  for (const name of ["IBM850", "IBM437", "CP1252"]) {
    const [from, to] = name === "CP1252" ? ["CP1252//", "INTERNAL"] : [`${name}//`, "INTERNAL"];
    modules.push(`module ${from} ${to} ${name} 1\nmodule ${to} ${from} ${name} 1\n`);
  }
  files.push({ path: `${folder}/gconv-modules`, content: modules.join("") });
  return {
    name: "lab-gconv",
    version,
    description: "DOS character sets for glibc",
    license: "LGPL-2.1-or-later",
    origin: "libc6",
    depends: ["lab-glibc"],
    files,
  };
}
