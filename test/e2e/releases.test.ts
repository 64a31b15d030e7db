/** Each Debian of the lab (PINE_RELEASE: only that one) taken, updated, broken and given back, by a user whose sudo asks for a password. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withSsh } from "../../provider/host/ssh.ts";
import { getHostFacts } from "../../provider/resources/hostfacts.ts";
import { quietTask } from "../../provider/task.ts";
import { addLogins, RELEASES, type Release } from "../lab/vps/index.ts";
import { BOOT_MS, differences, type Lab, labRelease, listing, on, startLab, steps } from "./hijack-lab.ts";
import { testCall } from "./life.ts";

const NUMBERS: Record<Release, number> = { bullseye: 11, bookworm: 12, trixie: 13 };
const PAGE = "Hello from an atomic server";
const PASSWORD = `canary it's ${randomBytes(6).toString("hex")}`;
const releases = process.env.PINE_RELEASE ? [labRelease()] : RELEASES;

describe.each(releases)("%s", (release) => {
  const step = steps(test);
  let lab: Lab;
  let before: Map<string, string>;
  let first: { checksum: string; sent: number };

  beforeAll(async () => {
    lab = await startLab(release, { release });
    await addLogins(lab.vps, PASSWORD);
    lab.project.edit((text) =>
      text
        .replace(/^ +privateKey: .*$/m, (line) => `${line}\n${line.replaceAll("privateKey", "password")}`)
        .replace(/^resources:$/m, "  password:\n    type: string\n    secret: true\n$&"),
    );
    await lab.project.set({ user: "sudopw" });
    await lab.project.secret("password", PASSWORD);
  });
  afterAll(() => lab?.end());

  step("its facts and the plan", async () => {
    const { host, port, hostKey, privateKey } = lab.vps;
    const connection = { host, port, user: "sudopw", hostKey, privateKey, password: PASSWORD, perDialTimeout: 90 };
    const { result } = (await getHostFacts(testCall({} as never), { connection })) as { result: { facts: object } };
    lab.tell(JSON.stringify(result.facts));
    expect(result.facts).toMatchObject({
      os: `Debian GNU/Linux ${NUMBERS[release]} (${release})`,
      rootFilesystem: "ext4",
      firmware: "bios",
    });
    await withSsh(connection, quietTask(), async (ssh) => expect(ssh.rootWay).toBe("sudo"));
    const { output } = await lab.project.ok(["preview"]);
    expect(output).toMatch(
      new RegExp(`alongside Debian ${NUMBERS[release]} on vda2.*keeps 10\\.0\\.2\\.15/24.*destroy restores`),
    );
    lab.tell("facts and preview");
    before = await listing(lab.vps);
    lab.tell("content of /etc, /usr and /boot");
  });

  step("install: Alpine at the same address, with the same keys", async () => {
    await lab.project.ok(["up", "--skip-preview"]);
    const { booted, sent } = await lab.project.server();
    first = { checksum: booted.checksum, sent };
    expect(await on(lab.vps, "(. /etc/os-release; echo $ID); hostname; wget -qO- http://127.0.0.1/")).toBe(
      `alpine\nweb-1\n${PAGE}`,
    );
    lab.tell(`up: ${sent} bytes sent`);
  });

  step("update", async () => {
    await lab.project.set({ packages: ["lighttpd", "tree"] });
    await lab.project.ok(["up", "--skip-preview"]);
    const { previous, sent } = await lab.project.server();
    expect(previous).toBe(first.checksum);
    expect(sent).toBeLessThanOrEqual(0.02 * first.sent);
    expect(await on(lab.vps, "tree --version")).toMatch(/^tree v/);
    lab.tell(`update: ${sent} bytes sent`);
  });

  step("an update that fails goes back by itself", async () => {
    const { booted } = await lab.project.server();
    await lab.project.set({ webPort: "eighty" });
    const bad = await lab.project.run(["up", "--skip-preview"]);
    expect(bad.exitCode).not.toBe(0);
    expect(bad.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
    expect((await lab.project.server()).booted.checksum).toBe(booted.checksum);
    expect(await on(lab.vps, "wget -qO- http://127.0.0.1/")).toBe(PAGE);
    lab.tell("failed update");
  });

  step("destroy gives the old system back as it was", async () => {
    await lab.project.ok(["destroy", "--skip-preview"]);
    lab.tell("destroy");
    await lab.vps.waitSsh(BOOT_MS);
    expect(await on(lab.vps, ". /etc/os-release; echo $VERSION_CODENAME; hostname")).toBe(`${release}\nvps`);
    expect(differences(before, await listing(lab.vps))).toEqual([]);
    lab.tell("/etc, /usr and /boot as before");
    const logs = lab.project.logs.join("\n");
    expect(logs).not.toContain(PASSWORD);
    expect(await lab.project.simple(["stack", "export"])).not.toContain(PASSWORD);
  });
});
