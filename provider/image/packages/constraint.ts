/**
 * What a line of /etc/apk/world may be. apk itself says whether it can be fulfilled; this is a first check, before
 * there is an apk to ask. Taken from apk-tools 3.0.8 (`name(@tag)([<>~=]version)`, src/package.c, src/version.c), and
 * tested with it.
 */
import { SUFFIXES } from "./version.ts";

/** Also of what a package provides: `cmd:tool`, `so:libz.so.1`, `pc:zlib`, `py3.12:x[y],z`, `/bin/sh`. */
const NAME = "/?[A-Za-z0-9_][A-Za-z0-9_+.,:/[\\]-]*";
const TAG = "(@[A-Za-z0-9._-]+)?";
/** In any order and number: `~=`, `=~`, `==`, `~>`, `>=`. */
const OPERATOR = "[<>=~]+";
const VERSION = `\\d+(\\.\\d+)*[a-z]?(_(${Object.keys(SUFFIXES).join("|")})\\d*)*(~[0-9a-f]+)?(-r\\d+)?`;
const CONSTRAINT = new RegExp(`^!?${NAME}${TAG}(${OPERATOR}${VERSION})?$`);

/** What is wrong with a constraint, or nothing. */
export function constraintProblem(text: string): string | undefined {
  // apk would take it for a file of this machine
  if (CONSTRAINT.test(text) && !text.includes(".apk")) return undefined;
  const expected = "expected an Alpine package name with at most a tag, then a constraint";
  const [, name, version, tag] = /^(!?[^@<>=~]+)([<>=~]+[^@]+)(@\S+)$/.exec(text) ?? [];
  const example = name && tag ? `${name}${tag}${version}` : "curl, curl=8.17.0-r1, curl~8.17, curl@edge, curl@edge>8";
  return `${expected}: ${example}`;
}
