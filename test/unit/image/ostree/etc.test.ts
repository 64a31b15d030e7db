import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { etcBetween, etcOf } from "../../../../provider/image/ostree/etc.ts";

const work = mkdtempSync(join(tmpdir(), "pine-etc-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const ostree = (...args: string[]) =>
  execFileSync("ostree", [`--repo=${join(work, "repo")}`, ...args], { encoding: "utf8" });

/** As a real OSTree lists the /etc of a commit with these files; "-> x": a link. */
function listed(name: string, files: Record<string, string>): string {
  const tree = join(work, name);
  for (const [path, text] of Object.entries(files)) {
    const at = join(tree, "usr/etc", path);
    mkdirSync(join(at, ".."), { recursive: true });
    if (text.startsWith("-> ")) symlinkSync(text.slice(3), at);
    else writeFileSync(at, text, { mode: path.endsWith("secret") ? 0o600 : 0o644 });
  }
  const options = ["--orphan", "--no-xattrs", "--owner-uid=0", "--owner-gid=0", `--tree=dir=${tree}`];
  const commit = ostree("commit", ...options).trim();
  return ostree("ls", "-RC", commit, "/usr/etc");
}

it("tells what another commit changes and removes, not what it adds", () => {
  ostree("init", "--mode=archive");
  const both = { same: "1", "d/with space": "1", link: "-> a", "kept-link": "-> a", "to-link": "1", secret: "1" };
  const from = etcOf(listed("one", { ...both, "app.conf": "port 80", gone: "1" }));
  const to = etcOf(
    listed("two", { ...both, "d/with space": "2", link: "-> b", "to-link": "-> a", "app.conf": "port 81", more: "1" }),
  );
  expect([...from.keys()].sort()).toEqual([
    "/etc/app.conf",
    "/etc/d/with space",
    "/etc/gone",
    "/etc/kept-link",
    "/etc/link",
    "/etc/same",
    "/etc/secret",
    "/etc/to-link",
  ]);
  expect(etcBetween(from, to)).toEqual({
    changed: ["/etc/app.conf", "/etc/d/with space", "/etc/link", "/etc/to-link"],
    removed: ["/etc/gone"],
  });
});
