/** A bad input, as the engine is told of it. */

export interface CheckFailure {
  /** Property path as in the schema (`packages[1]`); "" when the property is secret. */
  property: string;
  /** What was expected, and what to do. Never the value of a secret. */
  reason: string;
  /**
   * Names the kind of failure, for programs and for searching: `users.uid.range`. Never what a person wrote but
   * property names.
   */
  code?: string;
}
