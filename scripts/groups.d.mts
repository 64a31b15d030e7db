/** Types of groups.mjs for those who read it in TypeScript. */
export declare const GROUPS: Record<
  string,
  { include: string[]; exclude?: string[]; setUp: string[]; named?: boolean }
>;
export declare const LONG: string[];
