/** A program that breaks a rule of validity. The message is one line: `where: what (cure)`. */
export class ProgramError extends Error {
  /** The relation at fault, or -1. */
  readonly relation: number;
  /** The tensor at fault, or ''. */
  readonly tensor: string;
  readonly cure: string;

  constructor(where: string, what: string, cure: string, at: { readonly relation?: number; readonly tensor?: string } = {}) {
    super(`${where}: ${what} (${cure})`);
    this.name = 'ProgramError';
    this.relation = at.relation ?? -1;
    this.tensor = at.tensor ?? '';
    this.cure = cure;
  }
}
