/** What `migrate` needs, from the source tree. */
export const schemaFolders = { migrations: 'drizzle', functions: 'src/store/sql' };
