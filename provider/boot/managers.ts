/** Programs that a container's host runs in it. */

/** Programs that managers' scripts call within the root; in every Alpine busybox provides them all. */
const PROGRAMS = {
  // biome-ignore format: what belongs together is in one line
  "/bin": [
    "ash", "busybox", "cat", "chmod", "chown", "cp", "date", "echo", "grep", "hostname", "kill", "ln", "ls", "mkdir",
    "mknod", "mount", "mv", "ps", "rm", "rmdir", "sed", "sh", "sleep", "stat", "sync", "touch", "true", "umount",
  ],
  "/sbin": ["ifconfig", "ip", "route"],
  "/usr/bin": ["cut", "env", "find", "head", "id", "tail", "test"],
};

/** Their paths. */
export const managersPrograms = (): string[] =>
  Object.entries(PROGRAMS).flatMap(([folder, names]) => names.map((name) => `${folder}/${name}`));
