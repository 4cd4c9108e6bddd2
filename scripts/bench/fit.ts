/** Straight lines through measurements. */

export interface Fit {
  /** y = a + b·x by least squares. */
  readonly a: number;
  readonly b: number;
  /** y − (a + b·x), by point. */
  readonly residuals: readonly number[];
  /** The largest |residual| in parts of its y. */
  readonly worst: number;
}

/** Needs two points of different x. */
export function fitLine(points: readonly (readonly [number, number])[]): Fit {
  const n = points.length;
  const mean = (d: 0 | 1): number => points.reduce((z, p) => z + p[d], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const spread = points.reduce((z, [x]) => z + (x - mx) ** 2, 0);
  if (!(spread > 0)) throw new Error('a line needs points at two places');
  const b = points.reduce((z, [x, y]) => z + (x - mx) * (y - my), 0) / spread;
  const a = my - b * mx;
  const residuals = points.map(([x, y]) => y - (a + b * x));
  return { a, b, residuals, worst: Math.max(...residuals.map((r, i) => Math.abs(r) / (points[i] as readonly [number, number])[1])) };
}
