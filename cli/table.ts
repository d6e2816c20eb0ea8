/** Aligned tables of text for terminals, and the few colours that they use. */

export interface Column {
  title: string;
  right?: boolean;
}

const ESC = "\x1b";
const COLOR = new RegExp(`${ESC}\\[\\d+m`, "g");

/** Letters that a terminal shows; combining marks and colours take no room. */
const width = (text: string): number => [...text.replace(COLOR, "").replace(/\p{M}/gu, "")].length;

const pad = (text: string, size: number, right = false): string => {
  const gap = " ".repeat(Math.max(0, size - width(text)));
  return right ? gap + text : text + gap;
};

/** Rows under their titles, columns two spaces apart, no spaces at the ends of lines. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style = plain,
): string {
  const sizes = columns.map(({ title }, c) =>
    rows.reduce((size, row) => Math.max(size, width(row[c])), width(title)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => pad(cell, sizes[c], columns[c].right))
      .join("  ")
      .trimEnd();
  const titles = line(columns.map(({ title }) => title));
  return [style.dim(titles), ...rows.map(line)].join("\n") + "\n";
}

/** Pairs of a name and its text, the texts aligned. */
export function list(pairs: readonly (readonly [string, string])[], indent = "  "): string {
  const size = Math.max(...pairs.map(([name]) => width(name)));
  return pairs.map(([name, text]) => `${indent}${pad(name, size)}  ${text}`.trimEnd() + "\n").join("");
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
}

const plain: Style = { bold: (text) => text, dim: (text) => text };
const colored: Style = {
  bold: (text) => `${ESC}[1m${text}${ESC}[22m`,
  dim: (text) => `${ESC}[2m${text}${ESC}[22m`,
};

export const styleOf = (color: boolean): Style => (color ? colored : plain);

/** "1 byte", "2 bytes". */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
