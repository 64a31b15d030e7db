/** A bad input, as the engine gets it. */

export interface CheckFailure {
  /** Property path as in the schema (`packages[1]`); "" if the property is secret. */
  property: string;
  /** What was expected, and what to do. Never the value of a secret. */
  reason: string;
  /**
   * Names the kind of failure, for programs and for searching: `users.uid.range`. Of what a person wrote it holds only
   * property names.
   */
  code?: string;
}
