import type { TimeFormat } from '../import-plan.ts';
import { epochParser } from './epoch-parser.ts';
import type { InstantParser } from './instant-parser.ts';
import { rfc3339Parser } from './rfc3339-parser.ts';
import { timePatternParser } from './time-pattern.ts';
import type { Zone } from './zone.ts';

export function instantParserFor(time: TimeFormat, zone: Zone): InstantParser {
  if (time.kind === 'epoch') return epochParser(time.unit);
  return time.kind === 'pattern' ? timePatternParser(time.pattern, zone) : rfc3339Parser(zone);
}
