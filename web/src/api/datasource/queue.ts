// Questions of panels go side by side, but not all at once: the server has others to answer too.

const AT_ONCE = 6;
let running = 0;
const waiting: (() => void)[] = [];

function leave(): void {
  running -= 1;
  waiting.shift()?.();
}

/** Runs `work` when there is room; one that is no longer wanted leaves the queue. */
export async function inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    leave();
  }
}
