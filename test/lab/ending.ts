/** What is made step by step ends in the reverse order, also where a later step fails. */

/** What ends it, the newest first. */
export type Ending = (() => unknown)[];

/** Makes something; `end` is for whoever has it. A failure ends what was begun. */
export async function withEnding<T>(make: (ending: Ending, end: () => Promise<void>) => Promise<T>): Promise<T> {
  const ending: Ending = [];
  const end = async () => {
    for (const step of ending.splice(0)) await step();
  };
  try {
    return await make(ending, end);
  } catch (error) {
    await end();
    throw error;
  }
}
