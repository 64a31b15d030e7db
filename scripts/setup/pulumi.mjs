/** The Pulumi CLI with its YAML language host: from PATH, the vendor's archive, or built from source. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { arch } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { cache, repository, run, SetupError, say, step } from "./tell.mjs";

const module = join(repository, "scripts", "pulumi-build");
const version = JSON.parse(readFileSync(join(module, "version.json"), "utf8"));

/** Where the CLI is kept when PATH has none. */
export const kept = join(cache, "tools", `pulumi-${version.pulumi}`);

const BINARIES = {
  pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  "pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
};

function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const complete = (folder) => Object.keys(BINARIES).every((name) => executable(join(folder, name)));

/** The version a CLI reports, as numbers; undefined when it does not run. */
async function versionOf(folder) {
  const env = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { stdout } = await run(join(folder, "pulumi"), ["version"], { ok: true, env });
  return /^v?(\d+)\.(\d+)\.(\d+)/.exec(stdout.trim())?.slice(1).map(Number);
}

const atLeast = (found, wanted) => {
  for (const [i, number] of wanted.entries()) if (found[i] !== number) return found[i] > number;
  return true;
};

/** The folder on PATH with a CLI of at least the tested version, and the YAML host beside it. */
async function onPath() {
  const folder = (process.env.PATH ?? "").split(delimiter).find((f) => f && executable(join(f, "pulumi")));
  if (!folder || !complete(folder)) return undefined;
  const found = await versionOf(folder);
  return found && atLeast(found, version.pulumi.split(".").map(Number)) ? folder : undefined;
}

/** Downloads the vendor's archive. Timeouts are short until it answers: if it cannot be reached, the build follows. */
async function download(into) {
  const cpu = { x64: "x64", arm64: "arm64" }[arch()];
  const url = `https://get.pulumi.com/releases/sdk/pulumi-v${version.pulumi}-linux-${cpu}.tar.gz`;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), 8000);
  const answer = await fetch(url, { signal: giveUp.signal }).catch(() => undefined);
  clearTimeout(timer);
  if (!answer?.ok) return false;
  return step(`Pulumi ${version.pulumi} from its vendor`, async () => {
    const archive = Buffer.from(await answer.arrayBuffer());
    const names = Object.keys(BINARIES).map((name) => `pulumi/${name}`);
    await run("tar", ["-xz", "--strip-components=1", "-C", into, ...names], { input: archive });
    return true;
  }).catch((error) => {
    say(`set-up: that failed (${error.message.split("\n")[0]})`);
    return false;
  });
}

/** The Go compiler: on PATH, or in the default folder of its own archive. */
export async function goProgram() {
  for (const go of ["go", "/usr/local/go/bin/go"])
    if ((await run(go, ["version"], { ok: true })).exitCode === 0) return go;
  throw new SetupError("there is no Go on PATH: install Go 1.21 or later, or the Pulumi CLI, which is built with it");
}

/** Builds from source: the Go module proxy has what the vendor's server has; go.sum pins each part's checksum. */
async function build(into) {
  const go = await goProgram();
  const variables = [
    `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version.pulumi}`,
    `github.com/pulumi/pulumi-yaml/pkg/version.Version=${version.yaml}`,
  ];
  const flags = ["-trimpath", "-buildvcs=false", "-ldflags", `-s -w ${variables.map((v) => `-X ${v}`).join(" ")}`];
  await step(`Pulumi ${version.pulumi} from source (Go; about 5 minutes, once)`, () =>
    run(go, ["build", ...flags, "-o", `${into}/`, ...Object.values(BINARIES)], {
      cwd: module,
      env: goEnvironment(into),
    }),
  );
}

/** Settings for Go: a toolchain that is too old may fetch a newer one, the user's flags are ignored, a cache exists. */
export function goEnvironment(scratch) {
  const home = process.env.HOME && existsSync(process.env.HOME);
  const own = home ? {} : { GOPATH: join(scratch, "go"), GOCACHE: join(scratch, "go-build"), GOFLAGS: "-modcacherw" };
  return { GOFLAGS: "", GOWORK: "off", GOTOOLCHAIN: "auto", CGO_ENABLED: "0", ...own };
}

/** The folder with `pulumi` and `pulumi-language-yaml`; made if it is missing. */
export async function pulumiFolder() {
  const found = await onPath();
  if (found) return found;
  if (complete(kept)) return kept;
  mkdirSync(dirname(kept), { recursive: true });
  const work = mkdtempSync(`${kept}.`);
  try {
    const bin = join(work, "bin");
    mkdirSync(bin);
    if (!(await download(bin))) await build(bin);
    if (!complete(bin) || !(await versionOf(bin))) throw new SetupError(`the Pulumi CLI in ${bin} does not run`);
    rmSync(kept, { recursive: true, force: true });
    renameSync(bin, kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return kept;
}
