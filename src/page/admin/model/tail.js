// The chat log from some position on: older entries on request, newer ones as they come. Holds a
// bounded number of entries, oldest first.

export const MOST = 10_000;
const PAGE = 200;
const LARGEST_PAGE = 1000;
/** Pages fetched at once to catch up; beyond them the tail begins anew. */
const CATCH_UP = MOST / LARGEST_PAGE;

export class Tail {
  #api;
  #filters;
  /** The newest entry of the whole log when this began: what matches may be far
   * older, and need not be looked for again. */
  #floor = null;
  /** Where older entries go on: parameters, or null if there are none. */
  #older = null;
  entries = [];
  /** The search stopped early; older entries may match. */
  timedOut = false;
  /** How many older entries were let go. */
  dropped = 0;

  constructor(api, filters) {
    this.#api = api;
    this.#filters = filters;
  }

  get hasOlder() {
    return this.#older !== null && this.entries.length < MOST;
  }

  get isLive() {
    return !this.#filters.until;
  }

  async start() {
    const newest = await this.#search({}, { limit: 1 });
    this.#floor = newest.entries[0]?.at ?? null;
    this.#take(await this.#page({ limit: PAGE }));
  }

  /** Fetches older entries; how many there were. */
  async older() {
    const { cursor, until } = this.#older;
    const page = await this.#page(cursor ? { cursor, limit: PAGE } : { until, limit: LARGEST_PAGE });
    if (until) page.entries.splice(0, countAt(this.entries, until));
    const before = this.entries.length;
    this.#take(page);
    return this.entries.length - before;
  }

  /** Fetches what is new; how many entries that is, or null if there is so much
   * that the tail begins anew. */
  async newer() {
    const since = this.entries.at(-1)?.at ?? this.#later(this.#floor, this.#filters.since);
    const fresh = [];
    let cursor = null;
    for (let pages = 0; pages === 0 || cursor; pages += 1) {
      if (pages === CATCH_UP) {
        this.entries = [];
        await this.start();
        return null;
      }
      const page = await this.#page({ since, cursor, limit: LARGEST_PAGE });
      fresh.push(...page.entries);
      cursor = page.next_cursor;
    }
    fresh.reverse();
    // The first ones are those of the same millisecond that are here already.
    if (since) fresh.splice(0, countAt(this.entries, since));
    this.entries.push(...fresh);
    const surplus = this.entries.length - MOST;
    if (surplus > 0) {
      this.entries.splice(0, surplus);
      this.dropped += surplus;
      this.#older = { until: this.entries[0].at };
    }
    return fresh.length;
  }

  #take({ entries, next_cursor: cursor, timed_out: timedOut }) {
    this.entries.unshift(...entries.reverse());
    this.#older = cursor ? { cursor } : null;
    this.timedOut = timedOut;
  }

  #later(one, other) {
    return one && other ? (one > other ? one : other) : one ?? other;
  }

  #page(more) {
    return this.#search(this.#filters, more);
  }

  #search(filters, more) {
    return this.#api.get("/admin/log", { ...filters, ...more });
  }
}

function countAt(entries, at) {
  let count = 0;
  for (const entry of entries) if (entry.at === at) count += 1;
  return count;
}
