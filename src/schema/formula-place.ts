/** Part of the description of every formula argument: the position of an error. */
export const placeDescription =
  'One that is refused has its place in extensions.formula: line and column from 1 on, and length, in UTF-16 units; with what was expected there, and suggestions of what to write instead.';
