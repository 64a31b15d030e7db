import { expect, it } from "vitest";
import { baseSsh, sshPiece } from "../../../../provider/image/recipe/ssh-server.ts";

it.each([
  ["dropbear", "dropbear", "/etc/conf.d/dropbear", /^DROPBEAR_OPTS="-s -R"$/m, /openssh/],
  ["openssh", "sshd", "/etc/ssh/sshd_config.d/50-pine.conf", /^PasswordAuthentication no$/m, /^dropbear$/],
] as const)("%s", (server, service, path, content, other) => {
  const piece = sshPiece(server);
  expect(piece.services).toEqual({ default: [service] });
  expect(piece.packages).toEqual(expect.arrayContaining(baseSsh));
  expect(piece.packages?.filter((p) => other.test(p))).toEqual([]);
  expect(piece.files?.map((f) => f.path)).toEqual([path]);
  expect(piece.files?.[0]?.content).toMatch(content);
});
