/** What the arbitraries share. */
import fc from "fast-check";

/** One time in `n` the second, which somebody may have meant. */
export const rarely = <T, U>(n: number, usual: fc.Arbitrary<T>, odd: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: n - 1, arbitrary: usual }, { weight: 1, arbitrary: odd });

export const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/);
