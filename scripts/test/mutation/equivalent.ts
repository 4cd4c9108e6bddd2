/** Mutants that no test can tell from the original, by id, and why. The run fails if one of them is gone or was killed after all. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  'BN254.mulAdd/constant/0d745dc1': 'room for a 65th byte of an answer of 64: it is not written, and memory reaches further already',
  'Buckets._collect/constant/43550710': 'copies one byte too many, to behind the addend, where nothing lies that anybody reads',
  'Instruction.decode/relational/5a0cd7ea': 'asks whether a ref behind the operands is none: what lies there was checked to be 0',
};
