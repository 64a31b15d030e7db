/** Property paths as Pulumi writes them: `users[0].name`, `files["/etc/motd"]`. */

/** The path of a key or an index below `parent` ("" is the resource itself). */
export function pathOf(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  // Pulumi's parser knows one escape in quotes, \" (sdk/go/common/resource/property_path.go).
  if (key === "" || /[.[\]"]/.test(key) || key.includes("/")) return `${parent}["${key.replaceAll('"', '\\"')}"]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** The property that a path begins with: `files["/etc/motd"].mode` -> `files`. */
export function topOf(path: string): string {
  return splitPath(path)[0]?.toString() ?? path;
}

/** `users[0].name` -> ["users", 0, "name"]. */
export function splitPath(path: string): (string | number)[] {
  const parts: (string | number)[] = [];
  for (const m of path.matchAll(/\["((?:\\"|[^"])*)"\]|\[(\d+)\]|\.?([^.[\]]+)/g)) {
    if (m[1] !== undefined) parts.push(m[1].replaceAll('\\"', '"'));
    else if (m[2] !== undefined) parts.push(Number(m[2]));
    else parts.push(m[3]!);
  }
  return parts;
}
