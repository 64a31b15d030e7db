/** A provider as the rpc server takes it: heavy modules are imported when first used. */
import type { CheckFailure } from "../properties/failure.ts";
import type { Props } from "../properties/values.ts";
import type { Component, Config, Invoke, Resource } from "../resource.ts";

export interface Provider {
  /** schema.json as text; its `version` is the provider's. */
  schema(): string;
  /** Token (`pine:index:Rootfs`) to resource. */
  resources: Record<string, () => Promise<Resource>>;
  /** Token to component. */
  components?: Record<string, () => Promise<Component>>;
  /** Token to function. */
  functions: Record<string, () => Promise<Invoke>>;
  checkConfig(news: Props): CheckFailure[];
  /** The configuration in a form that can be compared. */
  comparable(inputs: Props): Props;
  configure(args: Props): Config;
}
