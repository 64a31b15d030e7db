/**
 * google.protobuf.Struct, as Pulumi fills it, to plain JavaScript with {@link Secret}, {@link Unknown}, {@link Asset},
 * {@link Archive}; and back.
 */
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { PineError } from "../errors.ts";
import { Archive, Asset, type Props, plain, Secret, Unknown, type Value } from "../properties/values.ts";

// Signatures and sentinels: sdk/go/common/resource/properties.go, asset.go, archive.go; plugin/rpc.go (pulumi 3.259).
const SIG = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** The engine has one unknown per type; the provider treats them all alike. */
const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // bool
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** Turns a value of a Struct into plain JavaScript. Resource references stay as they are, and come back unchanged. */
export function decode(v: Value, path = ""): Value {
  if (typeof v === "string") return UNKNOWNS.has(v) ? Unknown.value : v;
  if (Array.isArray(v)) return v.map((x, n) => decode(x, `${path}[${n}]`));
  if (typeof v !== "object" || v === null) return v;
  switch (v[SIG]) {
    case SECRET:
      return new Secret(decode(v.value ?? null, path));
    case OUTPUT: {
      const inner = "value" in v ? decode(v.value, path) : Unknown.value;
      return v.secret === true && !(inner instanceof Secret) ? new Secret(inner) : inner;
    }
    case ASSET:
      // Unused fields come as empty strings.
      return new Asset(
        v.path ? { path: v.path } : v.uri ? { uri: v.uri } : { text: v.text ?? "" },
        v.hash === "" ? undefined : v.hash,
      );
    case ARCHIVE:
      return new Archive(
        v.path ? { path: v.path } : v.uri ? { uri: v.uri } : v.assets ? { assets: decodeAssets(v.assets, path) } : {},
        v.hash === "" ? undefined : v.hash,
      );
    default:
      return Object.fromEntries(
        Object.entries(v).map(([k, x]) => [k, decode(x, path === "" ? k : `${path}.${k}`)] as const),
      );
  }
}

function decodeAssets(assets: Props, path: string): Record<string, Asset | Archive> {
  const decoded: Props = decode(assets, path);
  for (const [name, x] of Object.entries(plain(decoded) as Props))
    if (![Asset, Archive, Unknown].some((c) => x instanceof c))
      throw new PineError(`${path}: ${JSON.stringify(name)} in the archive is neither an asset nor an archive`);
  return decoded;
}

/** The reverse of {@link decode}. Leaves out undefined properties. */
export function encode(v: Value): Value {
  if (v === undefined) return null;
  if (v instanceof Unknown) return UNKNOWN;
  if (v instanceof Secret) return { [SIG]: SECRET, value: encode(v.value) };
  if (v instanceof Asset) return { [SIG]: ASSET, ...(v.hash ? { hash: v.hash } : {}), ...v.content };
  if (v instanceof Archive) return { [SIG]: ARCHIVE, ...(v.hash ? { hash: v.hash } : {}), ...encode(v.content) };
  if (Array.isArray(v)) return v.map(encode);
  if (typeof v !== "object" || v === null) return typeof v === "bigint" ? Number(v) : v;
  return Object.fromEntries(
    Object.entries(v)
      .filter(([, x]) => x !== undefined)
      .map(([k, x]) => [k, encode(x)]),
  );
}

export function fromStruct(struct: Struct | undefined): Props {
  return struct ? decode(struct.toJavaScript()) : {};
}

export function toStruct(props: Props): Struct {
  return Struct.fromJavaScript(encode(props));
}
