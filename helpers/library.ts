/** The helpers that the map library serves: C in lib/, the same on every host. */

/** By their ids; lib/maps.h says which function serves which. */
export const LIBRARY_HELPERS: ReadonlySet<number> = new Set([
  ...[1, 2, 3, 12, 25, 87, 88, 89, 93, 94, 130, 131, 132, 133, 134, 164, 181, 195],
  ...[1_000_500, 1_000_501, 1_000_502, 1_000_503],
]);
