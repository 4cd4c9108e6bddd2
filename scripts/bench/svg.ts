/** Pictures of a bench: horizontal stacked bars, and points with their fitted line, as plain SVG that any page shows. */

export interface Bar {
  readonly label: string;
  readonly segments: readonly { readonly name: string; readonly value: number }[];
}

/** Okabe and Ito's palette: told apart by colour-blind readers too. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#666666', '#999933', '#882255'];
const WIDTH = 860;
const LEFT = 150;
const RIGHT = 90;

const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

/** Three digits, or all before the point. */
const digits = (v: number): string => (v >= 100 ? v.toFixed(0) : v.toPrecision(3));

const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;

const page = (height: number, title: string, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(12, 24, title, 'font-size="16" font-weight="600"'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');

/** One bar a row on a common scale, its total at the end; every name has one colour, explained below. `unit` follows the numbers. */
export function stackedBars(title: string, bars: readonly Bar[], unit: string): string {
  const names = [...new Set(bars.flatMap((b) => b.segments.map((s) => s.name)))];
  const totals = bars.map((b) => b.segments.reduce((n, s) => n + s.value, 0));
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...totals, Number.MIN_VALUE);
  const colour = (name: string): string => COLOURS[names.indexOf(name) % COLOURS.length] as string;
  const number = (v: number): string => `${digits(v)} ${unit}`;
  const parts: string[] = [];
  bars.forEach((bar, i) => {
    const y = 44 + 34 * i;
    parts.push(text(LEFT - 8, y + 17, bar.label, 'text-anchor="end"'));
    let x = LEFT;
    for (const s of bar.segments) {
      const width = s.value * scale;
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="24" fill="${colour(s.name)}"><title>${escape(s.name)}: ${number(s.value)}</title></rect>`,
      );
      x += width;
    }
    parts.push(text(x + 6, y + 17, number(totals[i] as number)));
  });
  const legend = 62 + 34 * bars.length;
  names.forEach((name, i) => {
    const [x, y] = [LEFT + 175 * (i % 4), legend + 20 * Math.floor(i / 4)];
    parts.push(`<rect x="${x}" y="${y - 11}" width="12" height="12" fill="${colour(name)}"/>`, text(x + 18, y, name));
  });
  return page(legend + 20 * Math.ceil(names.length / 4), title, parts);
}

export interface Curve {
  readonly name: string;
  /** What the horizontal axis counts. */
  readonly x: string;
  readonly points: readonly (readonly [number, number])[];
  /** y = a + b·x, drawn through the points. */
  readonly line?: { readonly a: number; readonly b: number };
}

const PANEL = { width: 280, height: 230, left: 16, top: 40, plot: 140, right: 40 } as const;

/** A grid of panels, each on axes of its own from 0. */
export function curves(title: string, rows: readonly (readonly Curve[])[]): string {
  const parts: string[] = [];
  rows.forEach((row, r) =>
    row.forEach((curve, k) => {
      const colour = COLOURS[k % COLOURS.length] as string;
      const left = PANEL.left + PANEL.width * k;
      const bottom = PANEL.top + PANEL.height * r + 30 + PANEL.plot;
      const width = PANEL.width - PANEL.right;
      const maxX = 1.08 * Math.max(...curve.points.map((p) => p[0]));
      const maxY = 1.15 * Math.max(...curve.points.map((p) => p[1]), Number.MIN_VALUE);
      const at = (x: number, y: number): string =>
        `${(left + (x / maxX) * width).toFixed(1)} ${(bottom - (y / maxY) * PANEL.plot).toFixed(1)}`;
      parts.push(
        text(left, bottom - PANEL.plot - 10, curve.name, 'font-weight="600"'),
        `<path d="M${left} ${bottom - PANEL.plot}V${bottom}h${width}" fill="none" stroke="#444444"/>`,
        text(left + width, bottom + 32, curve.x, 'text-anchor="end"'),
      );
      if (curve.line) {
        const { a, b } = curve.line;
        parts.push(
          `<path d="M${at(0, Math.max(a, 0))}L${at(maxX, Math.max(a + b * maxX, 0))}" stroke="${colour}" stroke-dasharray="5 4"/>`,
        );
      }
      for (const [x, y] of curve.points) {
        const [px, py] = at(x, y).split(' ').map(Number) as [number, number];
        parts.push(
          `<circle cx="${px}" cy="${py}" r="4" fill="${colour}"/>`,
          text(px, bottom + 15, String(x), 'text-anchor="middle" font-size="11"'),
          text(px, py - 8, digits(y), 'text-anchor="middle" font-size="11"'),
        );
      }
    }),
  );
  return page(PANEL.top + PANEL.height * rows.length, title, parts);
}
