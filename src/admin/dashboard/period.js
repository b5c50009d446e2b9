// How often the door is read.
const LEAST_MS = 2000;
// A reading is work for Weir too, a few hundredths of a millisecond for each of them: so it stays well below a hundredth of a
// core, however many there are.
const MS_A_BACKEND = 2;
const MS_A_LISTENER = 8;

// Milliseconds from the end of one reading to the next.
export function periodOf({listeners, pools}) {
  const backends = pools.reduce((sum, pool) => sum + pool.backends.length, 0);
  return Math.max(LEAST_MS, MS_A_BACKEND * backends + MS_A_LISTENER * listeners.length);
}
