/** Which of `count` lines are hidden after a click on one: it alone is shown, or it alone changes. */
export function toggleShown(hidden: ReadonlySet<number>, count: number, index: number, isAlone: boolean): ReadonlySet<number> {
  if (isAlone) {
    if (hidden.size === count - 1 && !hidden.has(index)) return new Set();
    return new Set(Array.from({ length: count }, (_, one) => one).filter((one) => one !== index));
  }
  const next = new Set(hidden);
  if (!next.delete(index)) next.add(index);
  return next;
}
