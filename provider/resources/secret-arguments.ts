/** Kernel arguments are for everybody to read: in the boot slot's file and in /proc/cmdline. */
import type { CheckFailure } from "../properties/failure.ts";
import { hasSecret, type Props } from "../properties/values.ts";

/** One failure where an argument is a secret; it is named nowhere. */
export function secretArguments(news: Props): CheckFailure[] {
  return hasSecret(news.kernelArguments)
    ? [
        {
          property: "kernelArguments",
          reason:
            "expected no secret values: everybody on the server can read them in /proc/cmdline; give a secret in a file of root's (files)",
          code: "kernelArguments.secret",
        },
      ]
    : [];
}
