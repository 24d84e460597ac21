// Reads the OpenMetrics text of /metrics, as far as this server writes it.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export class Metrics {
  #samples = new Map();

  constructor(text) {
    for (const line of text.split("\n")) {
      const found = line.startsWith("#") ? null : LINE.exec(line);
      if (!found) continue;
      const [, name, labels = "", value] = found;
      if (!this.#samples.has(name)) this.#samples.set(name, []);
      const pairs = [...labels.matchAll(LABEL)].map(([, key, text]) => [key, text]);
      this.#samples.get(name).push({ labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }

  /** The value of a metric without labels, or null if it is not there. */
  value(name) {
    return this.#samples.get(name)?.[0]?.value ?? null;
  }

  /** The values of a metric by one of its labels. */
  by(name, label) {
    return Object.fromEntries((this.#samples.get(name) ?? []).map(({ labels, value }) => [labels[label], value]));
  }

  /** A histogram's cumulative counts: `[upper end, count]`, the last one endless. */
  buckets(name) {
    return (this.#samples.get(`${name}_bucket`) ?? [])
      .map(({ labels, value }) => [labels.le === "+Inf" ? Infinity : Number(labels.le), value])
      .sort(([one], [other]) => one - other);
  }
}

/** The quantile of what was counted between two states of a histogram; null if
 * nothing was. Within a bucket it is assumed to be spread evenly. */
export function quantile(share, before, after) {
  const counts = after.map(([end, count], index) => [end, count - (before[index]?.[1] ?? 0)]);
  const total = counts.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return null;
  const rank = share * total;
  let start = 0;
  let below = 0;
  for (const [end, count] of counts) {
    if (count >= rank && count > below) {
      return end === Infinity ? start : start + ((end - start) * (rank - below)) / (count - below);
    }
    start = end;
    below = count;
  }
  return start;
}
