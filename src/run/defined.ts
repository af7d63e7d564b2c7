import type { Bell } from '../bell/bell.ts';
import type { DefineOptions } from '../derive/define.ts';

/** Tells of new definitions, and wakes workers to compute them. */
export function defineOptions(bell: Bell): DefineOptions {
  return {
    announce: bell.ringsInCommit,
    onDefined: async (revision, definitions) => {
      if (!bell.ringsInCommit) bell.tell({ previous: revision - 1, revision, series: undefined });
      for (const definition of definitions) await bell.wake('build', String(definition), { definition });
    },
  };
}
