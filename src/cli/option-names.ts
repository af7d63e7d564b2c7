/** Maps the field names in the server's messages to the options of this command. */
const names: readonly (readonly [RegExp, string])[] = [
  [/\bin columns with the role (T|VALUE)\b/g, 'with --map column=$1'],
  [/\bin columns\b/g, 'with --map'],
  [/\bcreateMissing\b/g, '--create-missing'],
  [/\bpartial: true\b/g, '--partial'],
  [/\bheader: true\b/g, '--header yes'],
  [/\bheader: false\b/g, '--header no'],
  [/\bdecimalComma: true\b/g, '--decimal-comma yes'],
  [/\bdecimalComma: false\b/g, '--decimal-comma no'],
  [/\bdecimalComma\b/g, '--decimal-comma'],
  [/\btimeFormat\b/g, '--time-format'],
  [/\btimeZone\b/g, '--time-zone'],
];

/** Rewrites a message of the server in terms of the command's options. Quoted text stays. */
export function withOptionNames(text: string): string {
  return text
    .split(/('[^']*')/)
    .map((part, place) =>
      place % 2 === 1 ? part : names.reduce((said, [name, option]) => said.replace(name, option), part),
    )
    .join('');
}
