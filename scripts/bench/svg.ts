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
  const number = (v: number): string => `${v >= 100 ? v.toFixed(0) : v.toPrecision(3)} ${unit}`;
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
  readonly points: readonly (readonly [number, number])[];
  /** y = a + b·x, drawn through the points. */
  readonly line?: { readonly a: number; readonly b: number };
}

const PLOT = 300;

/** A panel a curve, one below the other, each on axes of its own from 0. */
export function curves(title: string, x: string, list: readonly Curve[]): string {
  const parts: string[] = [];
  list.forEach((curve, k) => {
    const bottom = 70 + (PLOT + 40) * k + PLOT - 40;
    const [maxX, maxY] = [0, 1].map((d) => 1.05 * Math.max(...curve.points.map((p) => p[d as 0 | 1]), Number.MIN_VALUE)) as [
      number,
      number,
    ];
    const at = (px: number, py: number): [number, number] => [
      LEFT + (px / maxX) * (WIDTH - LEFT - RIGHT),
      bottom - (py / maxY) * (PLOT - 60),
    ];
    const [right, top] = at(maxX, maxY);
    parts.push(
      `<path d="M${LEFT} ${top.toFixed(1)}V${bottom}H${right.toFixed(1)}" fill="none" stroke="#444444"/>`,
      text(LEFT, top - 10, curve.name, 'font-weight="600"'),
      text(right, bottom + 32, x, 'text-anchor="end"'),
    );
    if (curve.line) {
      const { a, b } = curve.line;
      const [[x1, y1], [x2, y2]] = [at(0, Math.max(a, 0)), at(maxX, a + b * maxX)];
      parts.push(
        `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${COLOURS[k % COLOURS.length] as string}" stroke-dasharray="5 4"/>`,
      );
    }
    for (const [px, py] of curve.points) {
      const [cx, cy] = at(px, py);
      parts.push(
        `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4.5" fill="${COLOURS[k % COLOURS.length] as string}"/>`,
        text(cx, bottom + 16, String(px), 'text-anchor="middle"'),
        text(cx + 8, cy - 6, py.toPrecision(3)),
      );
    }
  });
  return page(60 + (PLOT + 40) * list.length, title, parts);
}
