/** A provider as the server takes it: everything heavy behind a function that imports it when first asked. */
import type { CheckFailure } from "../properties/failure.ts";
import type { Props } from "../properties/values.ts";
import type { Config, Invoke, Resource } from "../resource.ts";

export interface Provider {
  /** schema.json as text; its `version` is the provider's. */
  schema(): string;
  /** Token (`pine:index:Rootfs`) to resource. */
  resources: Record<string, () => Promise<Resource>>;
  /** Token to function. */
  functions: Record<string, () => Promise<Invoke>>;
  checkConfig(news: Props): CheckFailure[];
  /** Configuration in a form in which two are compared. */
  comparable(inputs: Props): Props;
  configure(args: Props): Config;
}
