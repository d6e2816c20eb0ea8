/** Records of a ring buffer as an async iterable: programs do not wake readers, who look after a while. */

export interface EventOptions {
  signal?: AbortSignal;
  /** Longest pause between two looks at an empty buffer, in milliseconds; 1 … 1000. */
  interval?: number;
}

/** Records handed on without a pause for everyone else. */
const BATCH = 256;

/** A pause that an abort ends early. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

export async function* records<T>(
  next: () => T | undefined,
  isLoaded: () => boolean,
  { signal, interval = 10 }: EventOptions,
): AsyncGenerator<T> {
  const longest = Math.min(Math.max(interval, 1), 1000);
  for (let wait = 0, taken = 0; isLoaded(); ) {
    signal?.throwIfAborted();
    const record = next();
    if (record !== undefined) {
      wait = 0;
      if (++taken % BATCH === 0) await pause(0, signal);
      yield record;
      continue;
    }
    await pause(wait, signal);
    wait = Math.min(longest, 2 * wait + 1);
  }
}
