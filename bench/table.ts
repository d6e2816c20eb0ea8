/** The rows that a benchmark gives, as a Markdown table. */

export interface Row {
  /** For programs: "fibonacci.node". */
  key: string;
  what: string;
  value: number;
  unit: "bytes" | "ms" | "µs" | "ns" | "×";
  /** Not above this; undefined where there is no target. */
  target?: number;
  /** How it came about. */
  note?: string;
}

function number(value: number, unit: Row["unit"]): string {
  const digits =
    unit === "bytes" ? 0 : unit === "×" ? 3 : unit === "ns" ? (value < 10 ? 1 : 0) : value < 10 ? 2 : 0;
  return `${value.toFixed(digits)}${unit === "×" ? "" : ` ${unit}`}`;
}

export const isMet = ({ value, target }: Row): boolean => target === undefined || value <= target;

export function markdown(rows: Row[]): string {
  const cells = rows.map((row) => {
    const target = row.target === undefined ? "" : `≤ ${number(row.target, row.unit)}`;
    return [
      row.what,
      number(row.value, row.unit),
      target + (isMet(row) ? "" : " **missed**"),
      row.note ?? "",
    ];
  });
  const lines = [["", "measured", "target", ""], ["---", "---:", "---:", "---"], ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}
