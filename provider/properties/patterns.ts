/** Patterns that several resources and the provider's configuration share. Pure. */

export const hostnamePattern =
  /^(?=.{1,64}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
export const releasePattern = /^(v\d+\.\d+|edge|latest-stable)$/;
