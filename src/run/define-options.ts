import type { Bell } from '../bell/bell.ts';
import type { DefineOptions } from '../derive/define.ts';

/** Tells of new definitions: workers look into the catalogue then. */
export function defineOptions(bell: Bell): DefineOptions {
  return {
    announce: bell.ringsInCommit,
    onDefined: (revision) => {
      if (!bell.ringsInCommit) bell.tell({ previous: revision - 1, revision, series: [] });
    },
  };
}
