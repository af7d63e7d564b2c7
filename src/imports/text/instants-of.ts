import type { TimeFormat } from '../plan.ts';
import { epochInstants } from './epoch.ts';
import type { Instants } from './instants.ts';
import { patternInstants } from './pattern.ts';
import { rfc3339Instants } from './rfc3339.ts';
import type { Zone } from './zone.ts';

export function instantsOf(time: TimeFormat, zone: Zone): Instants {
  if (time.kind === 'epoch') return epochInstants(time.unit);
  return time.kind === 'pattern' ? patternInstants(time.pattern, zone) : rfc3339Instants(zone);
}
