/** Mutants that no test can tell from the original, by id, and why. The run fails if one of them is gone or was killed after all. */
export const EQUIVALENT: Readonly<Record<string, string>> = {};
